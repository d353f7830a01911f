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
	r, err := own[*outgoingRequest](request)
	if err != nil {
		return nil, err
	}
	var o wasihttp.Options
	if options != nil {
		opts, err := own[*requestOptions](options)
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
	finish := cm.CallFrom(ctx).Hold()
	var x *wasihttp.Exchange
	started := make(chan struct{})
	x = h.client.Start(ctx, r.r, o, func(resp *http.Response, err error) {
		<-started
		open.remove(x)
		finish(response(resp), err)
	})
	r.sent = x
	open.add(x)
	close(started)
	return &futureIncomingResponse{x: x}, nil
}

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
}

var _ FutureIncomingResponse = (*futureIncomingResponse)(nil)

func (f *futureIncomingResponse) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(f.x.Ready()), nil
}

func (f *futureIncomingResponse) Get(context.Context) (*cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}], error) {
	if !f.x.Ready().Ready() {
		return nil, nil
	}
	if f.taken {
		return &cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}]{IsErr: true}, nil
	}
	f.taken = true
	out := &cm.Result[cm.Result[IncomingResponse, ErrorCode], struct{}]{}
	r, err := f.x.Result()
	if err != nil {
		out.OK = cm.Result[IncomingResponse, ErrorCode]{IsErr: true, Err: errorCode(err)}
	} else {
		out.OK.OK = &incomingResponse{r: r}
	}
	return out, nil
}

// Drop ends an exchange whose answer nobody has taken.
func (f *futureIncomingResponse) Drop(context.Context) error {
	if !f.taken {
		f.x.Cancel()
	}
	return nil
}
