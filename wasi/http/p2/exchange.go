package httpp2

import (
	"context"
	"net/http"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// outgoingHandler implements [OutgoingHandler].
type outgoingHandler struct{ client *wasihttp.Client }

// Handle implements [OutgoingHandler]. Its call is held until the exchange has ended: until the response's body has been read
// or dropped.
func (h *outgoingHandler) Handle(ctx context.Context, request OutgoingRequest, options RequestOptions) (FutureIncomingResponse, error) {
	r, err := cm.ObjectAs[*outgoingRequest](OutgoingRequestType, request)
	if err != nil {
		return nil, err
	}
	var o wasihttp.Options
	if options != nil {
		opts, err := cm.ObjectAs[*requestOptions](RequestOptionsType, options)
		if err != nil {
			return nil, err
		}
		o = opts.Options
	}
	open := component.TaskValue(ctx, wasihttp.ExchangesKey{}, func() any { return &wasihttp.Exchanges{} }).(*wasihttp.Exchanges)
	future := &futureIncomingResponse{}
	future.held.Charge(cm.AccountOf(ctx))
	begun := func(x *wasihttp.Exchange) { r.sent, future.x = x, x }
	if _, err := open.Start(ctx, h.client, r.r, o, &r.held, begun, future.holdHead); err != nil {
		_ = r.Drop(ctx)
		return nil, failed(err)
	}
	return future, nil
}

// futureIncomingResponse is the resource future-incoming-response.
type futureIncomingResponse struct {
	x     *wasihttp.Exchange
	taken bool

	mu       sync.Mutex
	held     cm.Holding // for the head of a response whose exchange has ended and that the guest has not taken
	released bool
}

// holdHead charges the head of the response, which is kept for the guest after the exchange.
func (f *futureIncomingResponse) holdHead(r *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r != nil && !f.released {
		f.held.Add(wasihttp.FieldsFromHeader(r.Header).Size())
	}
}

// releaseHead ends the charge of holdHead.
func (f *futureIncomingResponse) releaseHead() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = true
	f.held.Release()
}

var _ FutureIncomingResponse = (*futureIncomingResponse)(nil)

func (f *futureIncomingResponse) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(f.x.Ready()), nil
}

func (f *futureIncomingResponse) Get(ctx context.Context) (*cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}], error) {
	if !f.x.Ready().Ready() {
		return nil, nil
	}
	if f.taken {
		return &cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}]{IsErr: true}, nil
	}
	f.taken = true
	f.releaseHead()
	out := &cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}]{}
	r, err := f.x.Result()
	if err != nil {
		out.OK = cm.Result[IncomingResponse, ErrorCode]{IsErr: true, Err: errorCode(err)}
		return out, nil
	}
	in := &incomingResponse{r: r}
	if err := in.held.Hold(ctx, r.Headers().Size()); err != nil {
		_ = in.Drop(ctx)
		cm.NoteCause(ctx, err)
		out.OK = cm.Result[IncomingResponse, ErrorCode]{IsErr: true, Err: errorCode(err)}
		return out, nil
	}
	out.OK.OK = in
	return out, nil
}

// Drop cancels an exchange whose response the guest has not taken.
func (f *futureIncomingResponse) Drop(context.Context) error {
	f.releaseHead()
	if !f.taken {
		f.x.Cancel()
	}
	return nil
}
