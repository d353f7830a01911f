package reqctx

import (
	"context"
	"sync/atomic"
)

// Listener hears that a context has ended, on the goroutine that ended it or one of its own: it must not block.
type Listener interface{ OnDone() }

// Subscription is what a Listener holds with a context, usually as a field of its own. It is used once and must not be copied. With
// a [Context] it needs no memory.
type Subscription struct {
	at         *Context
	listener   Listener // nil while it is in no list of at's
	prev, next *Subscription
	stop       atomic.Pointer[func() bool] // where the context is of another kind
}

// Begin calls listener once when ctx ends, at once if it has ended.
func (w *Subscription) Begin(ctx context.Context, listener Listener) {
	if w.at = around(ctx); w.at != nil {
		w.at.subscribe(w, listener)
	} else if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, listener.OnDone)
		w.stop.Store(&stop)
	}
}

// End ends what Begin began, and reports whether the listener will not be called any more; otherwise it has been called or is about to be.
func (w *Subscription) End() bool {
	if w.at != nil {
		return w.at.unsubscribe(w)
	}
	stop := w.stop.Load()
	return stop == nil || (*stop)()
}

// AfterFunc is [context.AfterFunc] for a ctx that may have a Context around it, which that would wait for on a goroutine.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	a := &after{f: f}
	a.Begin(ctx, a)
	return a.End
}

type after struct {
	Subscription
	f func()
}

// OnDone implements Listener.
func (a *after) OnDone() { go a.f() }

// around is the Context with which ctx ends: the nearest one if nothing but values lies between; nil otherwise.
func around(ctx context.Context) *Context {
	if c, ok := ctx.(*Context); ok {
		return c
	}
	if c, ok := ctx.Value(self{}).(*Context); ok && c.Done() == ctx.Done() {
		return c
	}
	return nil
}

func (c *Context) subscribe(w *Subscription, listener Listener) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		listener.OnDone()
		return
	}
	w.listener, w.next = listener, c.subs
	if w.next != nil {
		w.next.prev = w
	}
	c.subs = w
	c.mu.Unlock()
}

func (c *Context) unsubscribe(w *Subscription) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.listener == nil {
		return false
	}
	c.remove(w)
	return true
}

// next takes the next listener out of the list; nil if there is none.
func (c *Context) next() Listener {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.subs
	if w == nil {
		return nil
	}
	listener := w.listener
	c.remove(w)
	return listener
}

// remove takes w out of the list. c.mu is held.
func (c *Context) remove(w *Subscription) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		c.subs = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.listener, w.prev, w.next = nil, nil, nil
}
