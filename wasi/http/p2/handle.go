package httpp2

import (
	"context"
	"errors"
	"net/http"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// Handle passes one request to an instance's export wasi:http/incoming-handler. It returns when the guest does, which may be
// long after the response, or without one.
func Handle(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	h, err := NewIncomingHandlerExport(inst)
	if err != nil {
		return err
	}
	return h.Handle(ctx, &incomingRequest{r: in}, &responseOutparam{out})
}

// responseOutparam is the resource response-outparam.
type responseOutparam struct{ out wasihttp.Responder }

var _ ResponseOutparam = (*responseOutparam)(nil)

// SendInformational implements [ResponseOutparam].
func (p *responseOutparam) SendInformational(ctx context.Context, status uint16, headers Headers) error {
	h, err := cm.ObjectAs[fields](FieldsType, headers)
	if err != nil {
		return err
	}
	defer h.Drop(ctx) //nolint:errcheck // it never fails
	switch {
	case status < 100 || status > 199:
		err = &wasihttp.Error{Code: wasihttp.ProtocolError}
	case status == http.StatusSwitchingProtocols: // a guest cannot use another protocol
		err = &wasihttp.Error{Code: wasihttp.UpgradeFailed}
	default:
		err = p.out.Inform(ctx, int(status), h.AccountedFields.Fields)
	}
	var known *wasihttp.Error
	if errors.As(err, &known) {
		return cm.Fail(errorCode(known))
	}
	return err
}

// ResponseOutparamSet implements [Types].
func (types) ResponseOutparamSet(_ context.Context, param ResponseOutparam, response cm.Result[OutgoingResponse, ErrorCode]) error {
	p, err := cm.ObjectAs[*responseOutparam](ResponseOutparamType, param)
	if err != nil {
		return err
	}
	if response.IsErr {
		p.out.Fail(fromErrorCode(response.Err))
		return nil
	}
	r, err := cm.ObjectAs[*outgoingResponse](OutgoingResponseType, response.OK)
	if err != nil {
		return err
	}
	p.out.Respond(&r.r)
	return nil
}
