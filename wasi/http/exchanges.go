package http

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// exchangeBytes is the charge for an exchange beside its request's head and its bodies: the buffers and goroutines of its
// connection, and the head of a usual response.
const exchangeBytes = 32 << 10

// Exchanges are those of one invocation, which cancels them at its end. The zero value is ready for use, by several goroutines.
type Exchanges struct {
	mu    sync.Mutex
	open  map[*Exchange]struct{}
	count int
}

// ExchangesKey is the key under which an invocation keeps its Exchanges, whatever version of WASI it uses.
type ExchangesKey struct{}

// Start is [Exchanges.Begin] for an exchange that is under way when it returns.
func (e *Exchanges) Start(ctx context.Context, c *Client, r *OutgoingRequest, o Options, held *cm.Holding, begun func(*Exchange), received func(*http.Response)) (*Exchange, error) {
	x, err := e.Begin(ctx, c, r, o, held, begun, received)
	if err == nil {
		go x.run()
	}
	return x, err
}

// Begin makes the exchange that sends r, for the host function in ctx, whose call it holds until the exchange has ended: until the response's body
// has been read or dropped. [Exchange.Await] sends the request, and has to be called. begun is called with the exchange first. held, which is the
// request's charge, is released at the end, and received is called with the response, if there is one. The error is an *[Error] or an
// operator's limit, and there is no exchange.
func (e *Exchanges) Begin(ctx context.Context, c *Client, r *OutgoingRequest, o Options, held *cm.Holding, begun func(*Exchange), received func(*http.Response)) (*Exchange, error) {
	if err := c.Check(ctx, r); err != nil {
		return nil, err
	}
	if most := c.Limits().Requests; !e.reserve(most) {
		limit := &cm.LimitError{Limit: "requests", Detail: fmt.Sprintf("%d requests are under way", most)}
		return nil, &Error{Code: ConnectionLimitReached, Text: limit.Detail, Err: limit}
	}
	if err := held.Hold(ctx, held.Bytes()+exchangeBytes); err != nil {
		e.release()
		return nil, err
	}
	finish := cm.CallFrom(ctx).Hold()
	var x *Exchange
	x = c.exchange(ctx, r, o, func(resp *http.Response, err error) {
		e.remove(x)
		held.Release()
		received(resp)
		finish(response(resp), err)
	})
	e.add(x)
	begun(x)
	return x, nil
}

// response is r, or a nil interface for a nil pointer.
func response(r *http.Response) any {
	if r == nil {
		return nil
	}
	return r
}

// reserve counts one more exchange unless there are most already; 0 is unbounded.
func (e *Exchanges) reserve(most int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if most > 0 && e.count >= most {
		return false
	}
	e.count++
	return true
}

func (e *Exchanges) add(x *Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[*Exchange]struct{}{}
	}
	e.open[x] = struct{}{}
}

func (e *Exchanges) remove(x *Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, x)
	e.count--
}

// release undoes reserve for an exchange that was not started.
func (e *Exchanges) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count--
}

// Close cancels all exchanges under way.
func (e *Exchanges) Close() error {
	e.mu.Lock()
	all := make([]*Exchange, 0, len(e.open))
	for x := range e.open {
		all = append(all, x)
	}
	e.mu.Unlock()
	for _, x := range all {
		x.Cancel()
	}
	return nil
}
