package httpp3

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// Handle calls an instance's export wasi:http/handler for one request. The response is sent as soon as the guest returns it. Handle returns
// when the guest's call has ended and the response's body has been taken, also if another component writes it.
func Handle(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	h, err := Begin(ctx, inst, in)
	if err != nil {
		return err
	}
	return h.Finish(ctx, out)
}

// Handling is a call of Handle in two parts, for callers that need their goroutine meanwhile.
type Handling struct{ call *cm.Started[Response] }

// Begin is the first part of Handle: it begins the call.
func Begin(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest) (*Handling, error) {
	h, err := NewHandlerExport(inst)
	if err != nil {
		return nil, err
	}
	call, err := h.StartHandle(ctx, &request{in: in})
	if err != nil {
		return nil, err
	}
	return &Handling{call}, nil
}

// OnResult has f called once, when Finish does not have to wait for the guest's response any more. It is to be called once; f must not
// block, nor call the instance.
func (h *Handling) OnResult(f func()) { h.call.OnResult(f) }

// Finish is the second part of Handle. It is to be called once, with the context that Begin was given, or one that ends with it.
func (h *Handling) Finish(ctx context.Context, out wasihttp.Responder) error {
	// The engine ends the call when ctx ends, with its own error.
	engine := context.Background()
	resp, err := h.call.Result(engine)
	if err != nil {
		var fail *cm.ResultError[ErrorCode]
		if !errors.As(err, &fail) {
			return err
		}
		out.Fail(fromErrorCode(fail.Value))
		return h.call.Wait(engine)
	}
	r, err := cm.ObjectAs[*response](ResponseType, resp)
	if err != nil {
		return err
	}
	defer r.held.Release()
	sent, err := r.respond(ctx, out)
	if sent != nil {
		// The engine cannot cancel a call that has its result. That its body is not taken any more tells the guest, before the engine ends the instance.
		body := r.out.Body()
		defer context.AfterFunc(ctx, func() { body.Abort(wasihttp.ErrUnfinished) })()
	}
	ended := h.call.Wait(engine)
	if err != nil {
		return errors.Join(ended, err)
	}
	if sent == nil {
		return ended
	}
	if ended == nil {
		select {
		case <-sent:
			return nil
		case <-ctx.Done():
		}
	}
	r.out.Body().Abort(wasihttp.ErrUnfinished)
	<-sent
	return ended
}

// respond sends the response. The channel is closed when its body, if it has one, has been sent or is discarded.
func (r *response) respond(ctx context.Context, out wasihttp.Responder) (sent <-chan struct{}, err error) {
	o := r.outgoing()
	switch {
	case r.in != nil && r.in.Bodyless():
		_ = r.in.Body().Close() // the error has no receiver
	case r.in != nil:
		sent = o.Body().Forward(r.in.Body())
	case r.content.bytes != nil:
		sent = r.content.send(o.Body())
	default:
		sent, err = r.content.sendEmpty(ctx, o.Body)
	}
	var known *wasihttp.Error
	switch {
	case err == nil:
		out.Respond(o)
	case errors.As(err, &known):
		out.Fail(known)
		return nil, nil
	}
	return sent, err
}
