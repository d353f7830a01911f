package flow

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Source is what a stream is fed with.
type Source interface {
	// Read is like io.Reader's. ctx ends with whoever wants to read: the rest is not wanted.
	Read(ctx context.Context, p []byte) (int, error)
	// Ready says whether a Read would return without waiting, as far as is known.
	Ready() bool
}

// SourceFunc is a Source that does not know.
type SourceFunc func(ctx context.Context, p []byte) (int, error)

// Read implements [Source].
func (f SourceFunc) Read(ctx context.Context, p []byte) (int, error) { return f(ctx, p) }

// Ready implements [Source].
func (SourceFunc) Ready() bool { return false }

// Feed makes src the source of dst: it is asked when somebody wants to read, until io.EOF, another error, or until nobody reads any more.
// end is told how that went, once and on a goroutine that may block: nil at io.EOF, and where the reader is gone.
//
// Nothing goes on before somebody reads. A guest is then written to by a goroutine; the host reads src itself.
func (s Scope) Feed(dst *cm.StreamWriter[uint8], src Source, end func(ctx context.Context, err error)) error {
	a := cm.AccountOf(s.ctx)
	if err := a.Reserve(Held); err != nil {
		_ = dst.Close()
		return err
	}
	f := &feeding{work: s.begin(a), dst: dst, src: src, end: end}
	s.mu.Lock()
	f.work.ended = f.over
	closed := s.closed
	s.mu.Unlock()
	if closed {
		go f.over()
	} else {
		dst.Offer(f)
	}
	return nil
}

// feeding is the origin of a stream that is fed.
type feeding struct {
	work *Work
	dst  *cm.StreamWriter[uint8]
	src  Source
	end  func(ctx context.Context, err error)
	last error // of what the host has read

	// Guarded by the group's lock.
	begun bool // somebody has asked for something, or nobody will
	taken bool // by a reader of the host's
	done  bool // end has been told, or is
}

var _ cm.Origin[uint8] = (*feeding)(nil)

// begin says whether it is the first one to ask.
func (f *feeding) begin(taken bool) bool {
	g := f.work.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.begun {
		return false
	}
	f.begun, f.taken = true, taken
	if !taken {
		f.done = true // by the goroutine that is about to begin
		f.work.ended = nil
	}
	return true
}

// Write implements [cm.Origin].
func (f *feeding) Write() {
	if f.begin(false) {
		f.work.run(func(ctx context.Context) {
			err := feed(ctx, f.dst, f.src)
			_ = f.dst.Close()
			f.end(ctx, err)
		})
	}
}

// Gone implements [cm.Origin].
func (f *feeding) Gone() {
	if f.begin(false) {
		f.work.run(func(ctx context.Context) { f.end(ctx, nil) })
	}
}

// Take implements [cm.Origin].
func (f *feeding) Take() { f.begin(true) }

// over is the end of the store, on a goroutine of its own.
func (f *feeding) over() {
	if f.begin(false) {
		_ = f.dst.Close()
		f.end(&f.work.ctx, ErrEnded)
		f.work.end()
		return
	}
	f.finish(ErrEnded)
}

// finish is the end of what the host reads.
func (f *feeding) finish(err error) {
	g := f.work.group
	g.mu.Lock()
	first := f.taken && !f.done
	f.done = f.done || first
	g.mu.Unlock()
	if first {
		f.end(&f.work.ctx, err)
		f.work.end()
	}
}

// Read implements [cm.Origin].
func (f *feeding) Read(ctx context.Context, p []byte) (n int, err error) {
	if f.last == nil {
		n, f.last = f.src.Read(ctx, p)
	}
	switch err = f.last; {
	case n > 0 || err == nil:
		return n, nil
	case ctx.Err() != nil:
		f.finish(nil)
		return 0, context.Cause(ctx)
	case errors.Is(err, io.EOF):
		err = nil
	}
	f.finish(gone(err))
	return 0, io.EOF
}

// Ready implements [cm.Origin].
func (f *feeding) Ready() bool { return f.src.Ready() }

// Close implements [cm.Origin].
func (f *feeding) Close() { f.finish(nil) }

// whileRead is a context that ends when the reader of dst is dropped.
func whileRead[T any](ctx context.Context, dst *cm.StreamWriter[T]) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	dst.OnGone(func() { cancel(cm.ErrReaderGone) })
	return ctx, func() { cancel(nil) }
}

func feed(ctx context.Context, dst *cm.StreamWriter[uint8], src Source) error {
	reading, done := whileRead(ctx, dst)
	defer done()
	account := cm.AccountOf(ctx)
	var first []byte // used if there is no room for a large buffer
	for {
		if _, err := dst.Write(ctx, nil); err != nil { // waits until the other end reads
			return gone(err)
		}
		large := takeBuffer(account)
		if large == nil && first == nil {
			first = make([]byte, small)
		}
		buf := first
		if large != nil {
			buf = large[:]
		}
		n, err := src.Read(reading, buf)
		var failed error
		if n > 0 {
			_, failed = dst.Write(ctx, buf[:n])
		}
		putBuffer(account, large)
		switch {
		case failed != nil:
			return gone(failed)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return gone(err)
		}
	}
}

// FeedValues is Feed for single values.
func FeedValues[T any](s Scope, dst *cm.StreamWriter[T], next func(ctx context.Context) (T, error), drop func(T), end func(ctx context.Context, err error)) error {
	err := s.Go(func(ctx context.Context) {
		err := feedValues(ctx, dst, next, drop)
		_ = dst.Close()
		end(ctx, err)
	})
	if err != nil {
		dst.Close()
	}
	return err
}

func feedValues[T any](ctx context.Context, dst *cm.StreamWriter[T], next func(context.Context) (T, error), drop func(T)) error {
	reading, done := whileRead(ctx, dst)
	defer done()
	for {
		if _, err := dst.Write(ctx, nil); err != nil {
			return gone(err)
		}
		v, err := next(reading)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return gone(err)
		}
		if n, err := dst.Write(ctx, []T{v}); n == 0 {
			drop(v)
			return gone(err)
		}
	}
}

// Failed ends dst at once and passes err to end, if there is nothing to feed because of err.
func Failed[T any](s Scope, dst *cm.StreamWriter[T], err error, end func(ctx context.Context, err error)) {
	_ = dst.Close()
	s.Finish(func(ctx context.Context) { end(ctx, err) })
}

// gone returns err, or nil if it says that the reader was dropped.
func gone(err error) error {
	if errors.Is(err, cm.ErrReaderGone) {
		return nil
	}
	return err
}

// Result is the value of a future that says how something has ended.
type Result[E any] = cm.Result[struct{}, E]

// Outcome makes a future that says how something ends, and the function that sets it, with nil for no error. code makes the error that a component sees.
func Outcome[E any](code func(error) E) (*cm.FutureReader[Result[E]], func(ctx context.Context, err error)) {
	w, r := cm.NewFuture[Result[E]]()
	return r, func(_ context.Context, err error) {
		out := Result[E]{}
		if err != nil {
			out = Result[E]{IsErr: true, Err: code(err)}
		}
		w.Leave(out)
	}
}
