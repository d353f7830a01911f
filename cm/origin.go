package cm

import (
	"context"
	"io"
)

// Origin makes the elements of a stream when somebody wants them ([StreamWriter.Offer]). Which of Write, Take and Gone is called says who
// wants them; it is called once, in the store, and must not block.
type Origin[T any] interface {
	// Write says that somebody reads the stream who needs a writer at its other end, such as a guest.
	Write()
	// Take says that the host reads: it is going to call Read, on one goroutine at a time, and Close in the end. The writer is of no
	// use any more.
	Take()
	// Gone says that the reader has been dropped.
	Gone()

	// Read waits for elements. The error is io.EOF when there are no more, whatever the reason, and the cause of ctx if that has
	// ended: it is the last Read then.
	Read(ctx context.Context, p []T) (n int, err error)
	// Ready says whether a Read would return without waiting, as far as is known. It is safe for concurrent use.
	Ready() bool
	// Close says that nobody reads any more.
	Close()
}

// offer is an Origin[T] of any T that nobody has asked for anything yet.
type offer struct {
	origin any
	told   interface {
		Write()
		Gone()
		Ready() bool
	}
}

// Offer has what is read of the stream made by o, which has the writer from there on. It is called once, before anything is written.
func (w *StreamWriter[T]) Offer(o Origin[T]) {
	if !w.c.own(func() { w.c.offered(&offer{o, o}) }) {
		w.c.guard.Load().Post(JobFunc(func() { w.c.offered(&offer{o, o}) }))
	}
}

func (c *Conduit) offered(o *offer) {
	if c.dropped {
		o.told.Gone()
		return
	}
	c.offer.Store(o)
}

// accept takes what is offered, if anything is.
func (c *Conduit) accept() *offer {
	if c.offer.Load() == nil {
		return nil
	}
	return c.offer.Swap(nil)
}

// Last says that the stream is not going to be passed on, and that a Read whose ctx ends is the last one. What the host itself makes the
// elements of is then read without a detour through the guest's store. dead is called in that, and must not block, if it dies before Close; such reads do
// not hear of it. Last is called before the first Read.
func (r *StreamReader[T]) Last(dead func(error)) { r.onDead = dead }

// adopt has the reader read the origin itself, if there is one that nobody has asked yet: the conduit is done with then.
func (r *StreamReader[T]) adopt() bool {
	have := r.c.offer.Load()
	if have == nil || r.onDead == nil {
		return false
	}
	o, ok := have.origin.(Origin[T])
	if !ok {
		return false
	}
	r.c.offer.Store(nil)
	r.c.dropped = true
	r.c.Host(false, false)
	r.c.Host(true, false)
	o.Take()
	r.origin = o
	if g := r.c.guard.Load(); g != nil {
		if err := g.Watch(r, r.onDead); err != nil {
			r.onDead(err)
		}
	}
	return true
}

// leave ends what adopt has begun.
func (r *StreamReader[T]) leave() {
	r.over = true
	r.origin.Close()
	r.c.do(JobFunc(func() {
		if g := r.c.guard.Load(); g != nil {
			g.Unwatch(r)
		}
	}))
}

// Ready says whether a Read would return without waiting, as far as is known. It is safe for concurrent use with whoever writes.
func (r *StreamReader[T]) Ready() bool {
	if r.origin != nil {
		return r.origin.Ready()
	}
	if have := r.c.offer.Load(); have != nil {
		return have.told.Ready()
	}
	return r.over || r.c.ready.Load()
}

// readOrigin is Read for a reader that reads an origin.
func (r *StreamReader[T]) readOrigin(ctx context.Context, p []T) (int, error) {
	n, err := r.origin.Read(ctx, p)
	r.c.items.Add(int64(n))
	r.over = err == io.EOF
	return n, err
}
