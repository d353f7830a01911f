package flow

import (
	"context"
	"errors"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// ErrEnded is the cause with which work ends whose store does.
var ErrEnded = errors.New("the instance has ended")

// Held is what a goroutine with its buffer is counted as in the account of host memory.
const Held = bufferSize + 4<<10

// Group is the work of one store. Its zero value is ready for use; it is safe for concurrent use.
type Group struct {
	mu     sync.Mutex
	cond   sync.Cond
	open   map[*Work]struct{}
	closed bool
}

type groupKey struct{}

// Of is the group of the store that the host function in ctx was called from.
func Of(ctx context.Context) *Group {
	return component.StoreValue(ctx, groupKey{}, func() any { return new(Group) }).(*Group)
}

// Work is something that goes on.
type Work struct {
	group   *Group
	ctx     context.Context // with the values of the call that began it
	cancel  context.CancelCauseFunc
	account *cm.Account

	// Of work that takes bytes from the component and passes them on (Take); guarded by the group's lock.
	call   context.Context
	src    *cm.StreamReader[uint8]
	base   int64              // of src.Items, when it began
	passed int64              // bytes that have been passed on, or that nobody will
	hurry  context.CancelFunc // ends the passing on; nil where that does not outlive the store
}

// Go has do run on a goroutine of its own, with the values of ctx, until the store ends: the context of do has the cause [ErrEnded]
// then. The error is a trap: the store has no room for it in its account.
func (g *Group) Go(ctx context.Context, do func(ctx context.Context)) error {
	w, err := g.begin(ctx)
	if err != nil {
		return err
	}
	go func() {
		defer w.end()
		do(w.ctx)
	}()
	return nil
}

// begin notes work.
func (g *Group) begin(ctx context.Context) (*Work, error) {
	w := &Work{group: g, account: cm.AccountOf(ctx)}
	if err := w.account.Take(Held); err != nil {
		return nil, err
	}
	w.ctx, w.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cond.L = &g.mu
	if g.open == nil {
		g.open = map[*Work]struct{}{}
	}
	g.open[w] = struct{}{}
	if g.closed {
		w.cancel(ErrEnded)
	}
	return w, nil
}

// end is the end of the goroutine.
func (w *Work) end() {
	w.cancel(nil)
	g := w.group
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, w)
	w.account.Give(Held)
	g.cond.Broadcast()
}

// Len is how many goroutines there are.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// Close implements io.Closer, for the end of the store: it ends all work, and waits until what components have written has been
// passed on where that is to outlive the store (see [Group.Take]). It does not wait for the goroutines: they may have
// to come into the store once more, in which the caller is.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for w := range g.open {
		w.cancel(ErrEnded)
	}
	g.settle(func(w *Work) bool { return w.hurry != nil })
	return nil
}

// settle waits until what has been taken by the work has been passed on. What has not when its call's context ends, is not.
// g.mu is held.
func (g *Group) settle(of func(*Work) bool) {
	for w := range g.open {
		for _, open := g.open[w]; open && of(w) && w.passed < w.src.Items()-w.base; _, open = g.open[w] {
			stop := context.AfterFunc(w.call, w.hurry)
			g.cond.Wait()
			stop()
		}
	}
}
