// Package reqctx is the context of a request: part of the object of that request, and linked to the context
// around it without an allocation. It reports its end exactly as a context of the standard library does.
package reqctx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Context is a [context.Context] that ends with the one that it was begun in, at a deadline, or by Cancel. [context.Cause],
// [context.AfterFunc] and contexts that are derived from it work as with any other. It must not be copied. Begin it, and
// then SetTimeout, before it is handed on; it is safe for concurrent use from there on.
type Context struct {
	context.Context // the outer context, with which it ends
	values          context.Context

	up Subscription

	cause atomic.Pointer[context.Context] // carries the cause of the end; nil where that is err, or that of Context

	mu       sync.Mutex
	err      error
	done     chan struct{} // nil until somebody asks
	subs     *Subscription
	deadline time.Time
	timer    *time.Timer
}

type self struct{}

// Begin makes c a context in outer. Whoever begins it calls Cancel in the end.
func (c *Context) Begin(outer context.Context) {
	c.Context, c.values = outer, outer
	c.up.Begin(outer, (*follower)(c))
}

// BeginApart makes c a context that has outer's values and outlives it, as [context.WithoutCancel] does.
func (c *Context) BeginApart(outer context.Context) {
	c.Context, c.values = context.Background(), outer
}

// Outer is the context that c was begun in, or begun apart from.
func (c *Context) Outer() context.Context { return c.values }

// follower is a Context that hears of the end of the one that it was begun in.
type follower Context

// OnDone implements Listener. The cause is found where the end is.
func (f *follower) OnDone() { (*Context)(f).end(f.Context.Err(), nil) }

// SetTimeout ends c after d with context.DeadlineExceeded, with the cause that the function cause returns then. An earlier deadline of the context
// that c was begun in holds. It is to be called once.
func (c *Context) SetTimeout(d time.Duration, cause func() error) {
	at := time.Now().Add(d)
	if earlier, ok := c.Context.Deadline(); ok && earlier.Before(at) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = at
	if c.err == nil {
		c.timer = time.AfterFunc(d, func() { c.end(context.DeadlineExceeded, cause()) })
	}
}

// Cancel ends c with context.Canceled, which is the cause, too, where cause is nil. Only the first end counts.
func (c *Context) Cancel(cause error) { c.end(context.Canceled, cause) }

func (c *Context) end(err, cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	if cause != nil && cause != err {
		caused, cancel := context.WithCancelCause(context.WithoutCancel(c.values))
		cancel(cause)
		c.cause.Store(&caused)
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.up.End()
	for listener := c.next(); listener != nil; listener = c.next() {
		listener.OnDone()
	}
}

// Deadline is context.Context's.
func (c *Context) Deadline() (time.Time, bool) {
	if !c.deadline.IsZero() {
		return c.deadline, true
	}
	return c.Context.Deadline()
}

// Done is context.Context's.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err is context.Context's. It knows of the end of the context around c before Done tells of it.
func (c *Context) Err() error {
	if err := c.Context.Err(); err != nil {
		c.end(err, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value is context.Context's. [context.Cause] asks for the cause by it, with a key that nobody else has.
func (c *Context) Value(key any) any {
	if key == (self{}) {
		return c
	}
	if caused := c.cause.Load(); caused != nil {
		return (*caused).Value(key)
	}
	return c.values.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (c *Context) AfterFunc(f func()) (stop func() bool) { return AfterFunc(c, f) }
