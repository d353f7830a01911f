package cm

import (
	"context"
	"io"
)

// Origin produces the elements of a stream on demand ([StreamWriter.Offer]). Exactly one of Write, Take and Gone is called, once, in the
// store; it must not block.
type Origin[T any] interface {
	// Write says that the reader needs a writer at the other end, as a guest does.
	Write()
	// Take says that the host reads the origin itself: it calls Read, on one goroutine at a time, and Close at the end. The writer must not
	// be used any more.
	Take()
	// Gone says that the reader has been dropped.
	Gone()

	// Read waits for elements. The error is io.EOF when there are no more, whatever the reason, and the cause of ctx if that has
	// ended: it is the last Read then.
	Read(ctx context.Context, p []T) (n int, err error)
	// Ready says whether a Read would return without waiting, as far as is known. It is safe for concurrent use.
	Ready() bool
	// Close ends reading.
	Close()
}

// offer is an Origin[T], of any T, none of whose methods has been called.
type offer struct {
	origin any
	told   interface {
		Write()
		Gone()
		Ready() bool
	}
}

// Offer makes o the producer of the stream's elements, and passes the writer to it. It is called once, before anything is written.
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

// accept returns the offer and withdraws it; nil if there is none.
func (c *Conduit) accept() *offer {
	if c.offer.Load() == nil {
		return nil
	}
	return c.offer.Swap(nil)
}

// Last declares that the stream will not be passed on, and that no Read follows one whose ctx has ended. Elements that the host itself
// produces are then read directly, not through the guest's store. If the store dies before Close, dead is called in it, and must not block;
// direct reads do not fail by themselves. Last is called before the first Read.
func (r *StreamReader[T]) Last(dead func(error)) { r.onDead = dead }

// adopt makes the reader read the offered origin directly, if there is one. The conduit is not used any more then.
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

// leave ends direct reading, which adopt has begun.
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

// readOrigin is Read after adopt.
func (r *StreamReader[T]) readOrigin(ctx context.Context, p []T) (int, error) {
	n, err := r.origin.Read(ctx, p)
	r.c.items.Add(int64(n))
	r.over = err == io.EOF
	return n, err
}
