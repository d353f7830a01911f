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

// Handle implements [OutgoingHandler]. Its call is held until the exchange has ended, which is when the answer's body has
// been read or dropped.
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
		future.keep(resp)
		finish(response(resp), err)
	})
	r.sent = x
	open.add(x)
	future.x = x
	close(started)
	return future, nil
}

// exchangeBytes is what an exchange that is under way is counted as, beside the request's head and what bodies hold: the buffers
// and goroutines of its connection, and the head of its answer as it is most of the time.
const exchangeBytes = 32 << 10

// response keeps a nil pointer from looking like an answer.
func response(r *http.Response) any {
	if r == nil {
		return nil
	}
	return r
}

// exchanges are those of one invocation that are under way: they end with it.
type exchanges struct {
	mu    sync.Mutex
	open  map[*wasihttp.Exchange]struct{}
	count int
}

// reserve counts one more, unless that is more than most; 0 is no bound.
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

// release takes back a reserve that came to nothing.
func (e *exchanges) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count--
}

// Close cancels what is under way.
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

	mu   sync.Mutex
	held cm.Holding // of the head of an answer whose exchange is over, and that nobody has taken
	gone bool
}

// keep counts the head of an answer that is kept for the guest though its exchange is over.
func (f *futureIncomingResponse) keep(r *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r != nil && !f.gone {
		f.held.Add(wasihttp.FieldsFromHeader(r.Header).Size())
	}
}

// let lets go of what is kept.
func (f *futureIncomingResponse) let() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
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
	f.let()
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

// Drop ends an exchange whose answer nobody has taken.
func (f *futureIncomingResponse) Drop(context.Context) error {
	f.let()
	if !f.taken {
		f.x.Cancel()
	}
	return nil
}
