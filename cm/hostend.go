package cm

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
)

// ErrReaderGone says that the readable end of a stream or future has been dropped.
var ErrReaderGone = errors.New("the reader of the stream or future is gone")

// ErrWriterGone says that a future will never have a value: its writable end has been dropped.
var ErrWriterGone = errors.New("the writer of the future is gone")

// hostEnd is an end that the host has. One copy at a time may be under way.
type hostEnd struct {
	c        *Conduit
	writable bool
	state    atomic.Uint32 // of the copy
	result   CopyResult    // once it has ended
	wake     chan struct{} // where its end is waited for; nil: most have ended when they have begun
	dead     error
	misfit   error // of the first element that its Go type cannot hold; see [GoType]
	copier   copier
}

// The states of a copy. One that ends while it is waited for says so by wake.
const (
	copyUnderWay uint32 = iota
	copyAwaited
	copyEnded
)

// copier is an end that knows its buffer.
type copier interface {
	// begin begins a copy. It is called in the store.
	begin() error
}

// Copied implements Party. A part of the buffer is enough: the copy ends.
func (h *hostEnd) Copied() {
	h.c.Reclaim()
	h.Done(CopyCompleted)
}

// Done implements Party.
func (h *hostEnd) Done(r CopyResult) {
	if g := h.c.guard.Load(); g != nil {
		g.Unwatch(h)
	}
	h.finish(r)
}

// finish ends the copy, once.
func (h *hostEnd) finish(r CopyResult) {
	h.result = r
	if h.state.Swap(copyEnded) == copyAwaited {
		h.wake <- struct{}{}
	}
}

// copy has by begin a copy in the store and waits for its end. If ctx ends, the copy is cancelled; what has been copied by
// then stays copied.
func (h *hostEnd) copy(ctx context.Context, by copier) (CopyResult, error) {
	if err := ctx.Err(); err != nil {
		return CopyCancelled, context.Cause(ctx)
	}
	h.state.Store(copyUnderWay)
	h.copier = by
	h.c.do((*copyBegin)(h))
	if h.state.Load() == copyEnded {
		return h.result, h.dead
	}
	if h.wake == nil {
		h.wake = make(chan struct{}, 1)
	}
	if !h.state.CompareAndSwap(copyUnderWay, copyAwaited) { // it has ended meanwhile
		return h.result, h.dead
	}
	select {
	case <-h.wake:
		return h.result, h.dead
	case <-ctx.Done():
	}
	h.c.do(JobFunc(func() {
		if h.c.pending.by == Party(h) {
			h.c.Cancel()
		}
	}))
	<-h.wake
	if h.result == CopyCancelled && h.dead == nil {
		return h.result, context.Cause(ctx)
	}
	return h.result, h.dead
}

// copyBegin is the beginning of a copy, as a Job.
type copyBegin hostEnd

// Run implements Job.
func (j *copyBegin) Run() {
	h := (*hostEnd)(j)
	g := h.c.guard.Load()
	if g != nil {
		if err := g.Dead(); err != nil {
			h.kill(err)
			return
		}
	}
	if err := h.copier.begin(); err != nil {
		h.dead = err
		h.Done(CopyCancelled)
		if g != nil {
			g.Fail(err) // the guest at the other end has given an invalid value
		}
		return
	}
	if g != nil && h.c.pending.by == Party(h) { // most copies have ended
		if err := g.Watch(h, h.kill); err != nil {
			h.kill(err)
		}
	}
}

// kill ends the copy that is under way because the store is dead.
func (h *hostEnd) kill(err error) {
	h.dead = err
	if h.c.pending.by == Party(h) {
		h.c.Reclaim()
	}
	h.finish(CopyCancelled)
}

// drop drops the end.
func (h *hostEnd) drop() { h.c.do((*endDrop)(h)) }

// endDrop is the drop of an end, as a Job.
type endDrop hostEnd

// Run implements Job.
func (j *endDrop) Run() {
	c := j.c
	if j.writable {
		c.offer.Store(nil)
	}
	c.Host(j.writable, false)
	c.Drop()
}

// slice is a buffer of the host's.
type slice[T any] struct {
	ts   []T
	used int
	lift func(Val) T // of a sink whose elements are not bytes
	c    *Conduit    // of a source
}

func (s *slice[T]) Remain() int { return len(s.ts) - s.used }

func (s *slice[T]) Empty() bool { return len(s.ts) == 0 }

func (s *slice[T]) Flat() bool {
	_, flat := any(s.ts).([]byte)
	return flat
}

// Give implements Source.
func (s *slice[T]) Give(n int, to Sink) error {
	from := s.ts[s.used : s.used+n]
	s.used += n
	if other, ok := to.(*slice[T]); ok {
		copy(other.ts[other.used:], from)
		other.used += n
		return nil
	}
	if bytes, ok := any(from).([]byte); ok && to.Flat() {
		return to.Put(n, bytes, nil)
	}
	vals := make([]Val, n)
	switch lower := s.c.lower.(type) {
	case func(T) Val:
		for i, t := range from {
			vals[i] = lower(t)
		}
	case func(T) (Val, error):
		for i, t := range from {
			v, err := lower(t)
			if err != nil {
				return Trapf(TrapHost, "the host writes an element that does not fit its stream or future: %s", err)
			}
			vals[i] = v
		}
	default:
		return Trapf(TrapHost, "the host writes elements of type %T to a stream that is bound for another type, or for none", *new(T))
	}
	return to.Put(n, nil, vals)
}

// Put implements Sink.
func (s *slice[T]) Put(n int, flat []byte, vals []Val) error {
	to := s.ts[s.used : s.used+n]
	s.used += n
	switch bytes, ok := any(to).([]byte); {
	case ok && flat != nil:
		copy(bytes, flat)
	case ok && vals != nil && s.lift == nil:
		for i := range bytes {
			bytes[i] = vals[i].U8()
		}
	case vals != nil:
		for i := range to {
			to[i] = s.lift(vals[i])
		}
	}
	return nil
}

// end is the error of a read or write that has ended with r.
func (h *hostEnd) end(r CopyResult, n int) error {
	if r == CopyDropped && n == 0 {
		if h.writable {
			return ErrReaderGone
		}
		return io.EOF
	}
	return nil
}
