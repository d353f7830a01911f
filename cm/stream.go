package cm

import (
	"context"
	"errors"
	"io"
	"iter"
)

// StreamReader is the readable end of a stream<T> that the host has: one that a guest has passed to it, or that
// [NewStream] made. It belongs to one goroutine at a time, which has to read it to its end, call Close, or pass it on as a
// value ([LowerStream]).
//
// There is no buffer between the two ends: a guest that writes waits until the host reads. The goroutine must not be one that is in
// the guest's store, where it would wait for itself; that of a [Work] is not.
type StreamReader[T any] struct {
	hostEnd
	lift   func(Val) T
	over   bool
	onDead func(error) // see Last
	origin Origin[T]   // that is read in the place of the stream; nil: none is
	buf    slice[T]    // of the Read that is under way
}

// StreamWriter is the writable end of a stream<T> that the host has. It belongs to one goroutine at a time, which has to
// call Close. There is no buffer, and the goroutine must not be one that is in the guest's store: see [StreamReader].
type StreamWriter[T any] struct {
	hostEnd
	buf slice[T] // of the Write that is under way
}

// NewStream makes a stream: the host writes to one end and passes the other one to a guest, as a value of a stream type. Both
// have to be closed, or passed on.
func NewStream[T any]() (*StreamWriter[T], *StreamReader[T]) {
	s := &struct { // one object for what comes into being together
		c Conduit
		w StreamWriter[T]
		r StreamReader[T]
	}{}
	s.c.hosted = [2]bool{true, true}
	s.w.c, s.w.writable = &s.c, true
	s.r.c = &s.c
	return &s.w, &s.r
}

// Read waits until there is something to read, and reads up to len(p) elements of it. The error is io.EOF at the stream's
// end, the cause of ctx if that has ended, or a *Trap if the guest's store is dead. n is right with an error, too.
func (r *StreamReader[T]) Read(ctx context.Context, p []T) (n int, err error) {
	if r.over {
		return 0, io.EOF
	}
	if r.origin != nil {
		return r.readOrigin(ctx, p)
	}
	r.buf = slice[T]{ts: p, lift: r.lift}
	result, err := r.copy(ctx, r)
	n, r.buf.ts = r.buf.used, nil
	if r.origin != nil && err == nil {
		return r.readOrigin(ctx, p)
	}
	r.over = result == CopyDropped
	if err == nil {
		err = r.misfit
	}
	if err == nil {
		err = r.end(result, n)
	}
	return n, err
}

func (r *StreamReader[T]) begin() error {
	if r.adopt() {
		r.Done(CopyCompleted)
		return nil
	}
	return r.c.Read(nil, &r.buf, &r.hostEnd)
}

// All reads elements one by one until the stream's end, or an error, which comes with the zero T. It closes the reader.
func (r *StreamReader[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer r.Close()
		var p [16]T
		for {
			n, err := r.Read(ctx, p[:])
			for _, t := range p[:n] {
				if !yield(t, nil) {
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					var none T
					yield(none, err)
				}
				return
			}
		}
	}
}

// Close drops the end: the writer gets [ErrReaderGone]. A second Close does nothing.
func (r *StreamReader[T]) Close() error {
	switch {
	case r.c == nil:
	case r.origin != nil:
		r.leave()
	default:
		r.drop()
		r.over = true
	}
	return nil
}

// Items is how many elements have gone through the stream.
func (r *StreamReader[T]) Items() int64 { return r.c.Items() }

// Write waits until all of p has been read. n is how much has been read; the error is [ErrReaderGone], the cause of ctx if
// that has ended, or a *Trap if the guest's store is dead. A Write of nothing waits until the other end reads.
func (w *StreamWriter[T]) Write(ctx context.Context, p []T) (n int, err error) {
	s := &w.buf
	*s = slice[T]{ts: p, c: w.c}
	defer func() { s.ts = nil }()
	for first := true; first || s.Remain() > 0; first = false {
		before := s.used
		result, err := w.copy(ctx, w)
		if err != nil {
			return s.used, err
		}
		if result == CopyDropped && s.Remain() == 0 && s.used > before {
			return s.used, nil
		}
		if result == CopyDropped {
			return s.used, ErrReaderGone
		}
	}
	return s.used, nil
}

func (w *StreamWriter[T]) begin() error { return w.c.Write(nil, &w.buf, &w.hostEnd) }

// OnGone has f called once when the reader is dropped, or at once if it has been dropped already: then the caller need not fetch
// what it was going to write. f may be called on any goroutine; it must not block, nor use the stream. The last f that was set counts.
func (w *StreamWriter[T]) OnGone(f func()) {
	w.c.do(JobFunc(func() {
		if w.c.dropped {
			f()
			return
		}
		w.c.gone = f
	}))
}

// Close drops the end: the reader gets the stream's end. A second Close does nothing.
func (w *StreamWriter[T]) Close() error {
	w.drop()
	return nil
}

// LiftStream reads a value of a stream type: its readable end is the caller's from then on. lift makes an element of the
// value that the guest has written; it may be nil where T is uint8.
func LiftStream[T any](v Val, lift func(Val) T) *StreamReader[T] {
	c := v.Any().(*Conduit)
	return &StreamReader[T]{hostEnd: hostEnd{c: c}, lift: lift}
}

// LowerStream makes a value of a readable end, which is no longer the caller's. lower makes the value of an element that
// the host writes at the other end; it may be nil where T is uint8, and is not used where another guest writes.
func LowerStream[T any](r *StreamReader[T], lower func(T) Val) Val { return lowerEnd(r.c, lower) }

func lowerEnd[T any](c *Conduit, lower func(T) Val) Val {
	if lower != nil {
		c.lowerWith(lower)
	}
	return AnyVal(c)
}
