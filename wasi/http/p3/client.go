package httpp3

import (
	"context"
	"net/http"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// client implements [Client].
type client struct{ *wasihttp.Client }

// Send implements [Client]. Its call is held until the exchange has ended: until the response's body has been read or dropped.
func (c client) Send(ctx context.Context, req Request) (Response, error) {
	r, err := cm.ObjectAs[*request](RequestType, req)
	if err != nil {
		return nil, err
	}
	out := r.outgoing()
	out.LimitBody(c.Limits().Body)
	if err := c.Check(ctx, out); err != nil {
		r.fail(err)
		return nil, failed(err)
	}
	if err := r.sendBody(ctx); err != nil {
		return nil, failed(err)
	}
	var o wasihttp.Options
	if r.options != nil {
		o = r.options.Options
	}
	open := component.TaskValue(ctx, wasihttp.ExchangesKey{}, func() any { return &wasihttp.Exchanges{} }).(*wasihttp.Exchanges)
	x, err := open.Begin(ctx, c.Client, out, o, &r.held, func(x *wasihttp.Exchange) { r.sent = x }, func(*http.Response) {})
	if err != nil {
		if out.HasBody() {
			out.Body().Disconnect(err)
		}
		return nil, failed(err)
	}
	if err := x.Await(ctx); err != nil {
		return nil, err
	}
	in, err := x.Result()
	if err != nil {
		if out.HasBody() {
			out.Body().Disconnect(err) // the transmission's result says why
		}
		return nil, failed(err)
	}
	resp := &response{in: in}
	if err := resp.held.Hold(ctx, in.Headers().Size()); err != nil {
		_ = resp.Drop(ctx)
		return nil, failed(err)
	}
	return resp, nil
}

// fail ends a request that is not sent.
func (r *request) fail(why error) {
	r.held.Release()
	if r.in != nil {
		r.in.Close()
	} else {
		r.content.drop(why)
	}
}

// sendBody starts sending the request's body. An error means that the body cannot be sent.
func (r *request) sendBody(ctx context.Context) (err error) {
	switch {
	case r.in != nil && r.in.Bodyless():
		r.in.Close()
	case r.in != nil:
		r.out.Body().Forward(r.in.Body())
	case r.content.bytes != nil:
		r.content.send(r.out.Body())
	default:
		err = r.content.sendUnknown(ctx, r.out.Body)
	}
	return err
}
