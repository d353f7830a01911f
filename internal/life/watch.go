package life

import (
	"context"
	"sync/atomic"
)

// Watcher hears that a context has ended, on the goroutine that ended it or one of its own: it must not block.
type Watcher interface{ Ended() }

// Watch is a Watcher's place with a context, and usually a part of the Watcher. It is used once, and must not be copied. With
// a [Context] it needs no memory.
type Watch struct {
	at         *Context
	who        Watcher // nil while it is in no list of at's
	prev, next *Watch
	stop       atomic.Pointer[func() bool] // where the context is of another kind
}

// Begin has who told, once, when ctx ends: at once if it has.
func (w *Watch) Begin(ctx context.Context, who Watcher) {
	if w.at = around(ctx); w.at != nil {
		w.at.watch(w, who)
	} else if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, who.Ended)
		w.stop.Store(&stop)
	}
}

// End ends what Begin began, and says whether the Watcher is not told any more. It may be about to be told otherwise.
func (w *Watch) End() bool {
	if w.at != nil {
		return w.at.unwatch(w)
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
	Watch
	f func()
}

// Ended implements Watcher.
func (a *after) Ended() { go a.f() }

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

func (c *Context) watch(w *Watch, who Watcher) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		who.Ended()
		return
	}
	w.who, w.next = who, c.watches
	if w.next != nil {
		w.next.prev = w
	}
	c.watches = w
	c.mu.Unlock()
}

func (c *Context) unwatch(w *Watch) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.who == nil {
		return false
	}
	c.remove(w)
	return true
}

// next takes the next watcher out of the list; nil if there is none.
func (c *Context) next() Watcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watches
	if w == nil {
		return nil
	}
	who := w.who
	c.remove(w)
	return who
}

// remove takes w out of the list. c.mu is held.
func (c *Context) remove(w *Watch) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		c.watches = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.who, w.prev, w.next = nil, nil, nil
}
