package cm

import "context"

// FutureReader is the readable end of a future<T> that the host has. It belongs to one goroutine at a time, which calls
// Await or Close, or passes it on as a value ([LowerFuture]). As with a [StreamReader], the goroutine must not be one that is in
// the guest's store.
type FutureReader[T any] struct {
	hostEnd
	lift func(Val) T
	buf  slice[T] // of one
}

// FutureWriter is the writable end of a future<T> that the host has. It belongs to one goroutine at a time, which calls
// Set or Close.
type FutureWriter[T any] struct {
	hostEnd
	buf slice[T] // of one
}

// NewFuture makes a future: the host sets its value at one end and passes the other one to a guest, as a value of a future
// type.
func NewFuture[T any]() (*FutureWriter[T], *FutureReader[T]) {
	f := &struct { // one object for what comes into being together
		c Conduit
		w FutureWriter[T]
		r FutureReader[T]
	}{}
	f.c.Future, f.c.hosted = true, [2]bool{true, true}
	f.w.c, f.w.writable = &f.c, true
	f.r.c = &f.c
	return &f.w, &f.r
}

// Await waits for the value, and ends the reader. The error is [ErrWriterGone], the cause of ctx if that has ended (which
// leaves the reader as it is), or a *Trap if the guest's store is dead.
func (r *FutureReader[T]) Await(ctx context.Context) (T, error) {
	r.buf = slice[T]{ts: make([]T, 1), lift: r.lift} // room is made when it is needed: few futures are waited for by the host
	result, err := r.copy(ctx, r)
	val := r.buf.ts[0]
	if err != nil {
		return val, err
	}
	r.drop()
	r.buf, r.wake = slice[T]{}, nil
	if result == CopyDropped {
		return val, ErrWriterGone
	}
	return val, r.misfit
}

func (r *FutureReader[T]) begin() error { return r.c.Read(nil, &r.buf, &r.hostEnd) }

// Ready says whether an Await would return without waiting, as far as is known.
func (r *FutureReader[T]) Ready() bool { return r.c.ready.Load() }

// Close drops the end: the writer gets [ErrReaderGone]. A second Close does nothing.
func (r *FutureReader[T]) Close() error {
	r.drop()
	return nil
}

// Set waits until the value has been read, and ends the writer. The error is [ErrReaderGone], the cause of ctx if that has
// ended (which leaves the writer as it is), or a *Trap if the guest's store is dead.
func (w *FutureWriter[T]) Set(ctx context.Context, v T) error {
	w.put(v)
	result, err := w.copy(ctx, w)
	if err != nil {
		return err
	}
	w.drop()
	if result == CopyDropped {
		return ErrReaderGone
	}
	return nil
}

// Leave sets the value for whoever reads it, if anybody does, and ends the writer. It does not wait, and so does not tell.
func (w *FutureWriter[T]) Leave(v T) {
	w.put(v)
	w.c.do((*leave[T])(w))
}

func (w *FutureWriter[T]) put(v T) {
	w.buf = slice[T]{ts: []T{v}, c: w.c}
}

func (w *FutureWriter[T]) begin() error { return w.c.Write(nil, &w.buf, &w.hostEnd) }

// leave is the beginning of a write that nobody waits for, as a Job.
type leave[T any] FutureWriter[T]

// Run implements Job.
func (j *leave[T]) Run() {
	c := j.c
	if err := c.Write(nil, &j.buf, left{c}); err != nil {
		left{c}.Done(CopyDropped)
		if g := c.guard.Load(); g != nil {
			g.Fail(err)
		}
	}
}

// left is the Party of a value that nobody waits to see read.
type left struct{ c *Conduit }

// Copied implements Party.
func (l left) Copied() { l.Done(CopyCompleted) }

// Done implements Party.
func (l left) Done(CopyResult) {
	l.c.Host(true, false)
	l.c.Drop()
}

// Close drops the end without a value. A guest may rely on getting one: if it waits for it, its store dies with a trap that
// blames the host. A second Close does nothing.
func (w *FutureWriter[T]) Close() error {
	w.drop()
	return nil
}

// LiftFuture reads a value of a future type, as [LiftStream] one of a stream type.
func LiftFuture[T any](v Val, lift func(Val) T) *FutureReader[T] {
	c := v.Any().(*Conduit)
	return &FutureReader[T]{hostEnd: hostEnd{c: c}, lift: lift}
}

// LowerFuture makes a value of a readable end, as [LowerStream].
func LowerFuture[T any](r *FutureReader[T], lower func(T) Val) Val { return lowerEnd(r.c, lower) }
