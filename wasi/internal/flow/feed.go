package flow

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Feed writes to dst what read returns, and calls read only when the reader of dst reads, until io.EOF, another error of read, or the drop
// of the reader. end gets the error: nil at io.EOF, and where the reader was dropped. The context of read ends with the work and with the
// reader.
func (s Scope) Feed(dst *cm.StreamWriter[uint8], read func(ctx context.Context, p []byte) (int, error), end func(ctx context.Context, err error)) error {
	err := s.Go(func(ctx context.Context) {
		err := feed(ctx, dst, read)
		_ = dst.Close()
		end(ctx, err)
	})
	if err != nil {
		dst.Close()
	}
	return err
}

// whileRead is a context that ends when the reader of dst is dropped.
func whileRead[T any](ctx context.Context, dst *cm.StreamWriter[T]) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	dst.OnGone(func() { cancel(cm.ErrReaderGone) })
	return ctx, func() { cancel(nil) }
}

func feed(ctx context.Context, dst *cm.StreamWriter[uint8], read func(context.Context, []byte) (int, error)) error {
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
		n, err := read(reading, buf)
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

// Outcome makes a future that says how something ends, and the function that sets it, with nil for no error. The function blocks until
// the future has been read or dropped. code makes the error that a component sees.
func Outcome[E any](code func(error) E) (*cm.FutureReader[Result[E]], func(ctx context.Context, err error)) {
	w, r := cm.NewFuture[Result[E]]()
	return r, func(ctx context.Context, err error) {
		defer w.Close()
		out := Result[E]{}
		if err != nil {
			out = Result[E]{IsErr: true, Err: code(err)}
		}
		_ = w.Set(ctx, out) // the reader was dropped, or the store has ended
	}
}
