package httpp2

import (
	"context"
	"fmt"
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
	if err := h.client.Check(r.r); err != nil {
		_ = r.Drop(ctx)
		return nil, cm.Fail(errorCode(err))
	}
	open := component.TaskValue(ctx, exchangesKey{}, func() any { return &exchanges{} }).(*exchanges)
	if most := h.client.Limits().Requests; !open.reserve(most) {
		_ = r.Drop(ctx)
		limit := &cm.LimitError{Limit: "requests", Detail: fmt.Sprintf("%d requests are under way", most)}
		return nil, cm.FailFor(errorCode(wasihttp.Errorf(wasihttp.ConnectionLimitReached, "%s", limit.Detail)), limit)
	}
	if err := r.held.Hold(ctx, r.held.Bytes()+exchangeBytes); err != nil {
		open.release()
		_ = r.Drop(ctx)
		return nil, cm.FailFor(errorCode(err), err)
	}
	finish := cm.CallFrom(ctx).Hold()
	var x *wasihttp.Exchange
	started := make(chan struct{})
	future := &futureIncomingResponse{}
	future.held.Charge(cm.AccountOf(ctx))
	x = h.client.Start(ctx, r.r, o, func(resp *http.Response, err error) {
		<-started
		open.remove(x)
		r.held.Release()
		future.holdHead(resp)
		finish(response(resp), err)
	})
	r.sent = x
	open.add(x)
	future.x = x
	close(started)
	return future, nil
}

// exchangeBytes is the charge for an exchange beside its request's head and its bodies: the buffers and goroutines of its
// connection, and the head of a usual response.
const exchangeBytes = 32 << 10

// response is r, or a nil interface for a nil pointer.
func response(r *http.Response) any {
	if r == nil {
		return nil
	}
	return r
}

// exchanges are those of one invocation, which cancels them at its end.
type exchanges struct {
	mu    sync.Mutex
	open  map[*wasihttp.Exchange]struct{}
	count int
}

// reserve counts one more exchange unless there are most already; 0 is unbounded.
func (e *exchanges) reserve(most int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if most > 0 && e.count >= most {
		return false
	}
	e.count++
	return true
}

type exchangesKey struct{}

func (e *exchanges) add(x *wasihttp.Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[*wasihttp.Exchange]struct{}{}
	}
	e.open[x] = struct{}{}
}

func (e *exchanges) remove(x *wasihttp.Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, x)
	e.count--
}

// release undoes reserve for an exchange that was not started.
func (e *exchanges) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count--
}

// Close cancels all exchanges under way.
func (e *exchanges) Close() error {
	e.mu.Lock()
	all := make([]*wasihttp.Exchange, 0, len(e.open))
	for x := range e.open {
		all = append(all, x)
	}
	e.mu.Unlock()
	for _, x := range all {
		x.Cancel()
	}
	return nil
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
