package flow

import (
	"context"
	"errors"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// ErrEnded is the cause with which work ends when its store ends.
var ErrEnded = errors.New("the instance has ended")

// Held is the charge for a goroutine in the account of host memory. Large buffers are charged while they are in use.
const Held = 8 << 10

// Group is the work of one store. Its zero value is ready for use; it is safe for concurrent use.
type Group struct {
	mu     sync.Mutex
	cond   sync.Cond
	open   map[*Work]struct{}
	closed bool
}

type groupKey struct{}

// Scope is the group of a store, and the context of the host function that begins work, whose values the work has.
type Scope struct {
	*Group
	ctx context.Context
}

// Of returns the scope of the host function in ctx.
func Of(ctx context.Context) Scope {
	return Scope{component.StoreValue(ctx, groupKey{}, func() any { return new(Group) }).(*Group), ctx}
}

// Work is one piece of work that goes on.
type Work struct {
	group   *Group
	ctx     reqctx.Context // with the values of the call that began it
	account *cm.Account
	ended   func() // what ends it with the store where it has no goroutine; nil: its context's end does

	// Of work that takes bytes from the component and passes them on (Take); guarded by the group's lock.
	call   context.Context
	src    *cm.StreamReader[uint8]
	base   int64              // of src.Items, when it began
	passed int64              // bytes that have been passed on, or never will be
	hurry  context.CancelFunc // ends the passing on; nil if that does not outlive the store
}

// Go runs do on a goroutine of its own until the store ends: the context of do has the cause [ErrEnded] then. The error is a trap:
// the account of the store has no room for it.
func (s Scope) Go(do func(ctx context.Context)) error {
	a := cm.AccountOf(s.ctx)
	if err := a.Reserve(Held); err != nil {
		return err
	}
	s.begin(a).run(do)
	return nil
}

// Finish is Go for work that has to be done even if the account has no room.
func (s Scope) Finish(do func(ctx context.Context)) {
	a := cm.AccountOf(s.ctx)
	a.Add(Held)
	s.begin(a).run(do)
}

func (w *Work) run(do func(ctx context.Context)) {
	go func() {
		defer w.end()
		do(&w.ctx)
	}()
}

// begin registers work, which is charged to a already.
func (s Scope) begin(a *cm.Account) *Work {
	g := s.Group
	w := &Work{group: g, account: a}
	w.ctx.BeginApart(s.ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cond.L = &g.mu
	if g.open == nil {
		g.open = map[*Work]struct{}{}
	}
	g.open[w] = struct{}{}
	if g.closed {
		w.ctx.Cancel(ErrEnded)
	}
	return w
}

// end is the end of the work.
func (w *Work) end() {
	w.ctx.Cancel(nil)
	g := w.group
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, w)
	w.account.Release(Held)
	g.cond.Broadcast()
}

// Len is how much work goes on.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// Close implements io.Closer, for the end of the store: it ends all work, and waits until what components have written has been
// passed on where that is to outlive the store (see [Group.Take]). It does not wait for the goroutines: they may have
// to enter the store once more, in which the caller is.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for w := range g.open {
		w.ctx.Cancel(ErrEnded)
		if w.ended != nil {
			go w.ended()
		}
	}
	g.settle(func(w *Work) bool { return w.hurry != nil })
	return nil
}

// settle waits until all bytes that the work has taken have been passed on, or its call's context has ended: the rest is dropped. g.mu is
// held.
func (g *Group) settle(of func(*Work) bool) {
	for w := range g.open {
		for _, open := g.open[w]; open && of(w) && w.passed < w.src.Items()-w.base; _, open = g.open[w] {
			stop := context.AfterFunc(w.call, w.hurry)
			g.cond.Wait()
			stop()
		}
	}
}
