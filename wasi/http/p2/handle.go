package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// Handle lets an instance answer one request through its export wasi:http/incoming-handler. It returns when the guest
// does; the answer may have been given long before, or never.
func Handle(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	h, err := NewIncomingHandlerExport(inst)
	if err != nil {
		return err
	}
	return h.Handle(ctx, &incomingRequest{r: in}, &outparam{out})
}

// outparam is the resource response-outparam.
type outparam struct{ out wasihttp.Responder }

var _ ResponseOutparam = (*outparam)(nil)

// ResponseOutparamSet implements [Types].
func (types) ResponseOutparamSet(_ context.Context, param ResponseOutparam, response cm.Result[OutgoingResponse, ErrorCode]) error {
	p, err := own[*outparam](param)
	if err != nil {
		return err
	}
	if response.IsErr {
		p.out.Fail(fromErrorCode(response.Err))
		return nil
	}
	r, err := own[*outgoingResponse](response.OK)
	if err != nil {
		return err
	}
	p.out.Respond(r.r)
	return nil
}
