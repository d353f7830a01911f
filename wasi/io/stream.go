package wasiio

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
)

// InputStream is a stream of bytes to a guest. As a [Pollable] it is ready when a Read would give bytes, an end or an
// error.
type InputStream interface {
	Pollable
	// Read reads up to len(p) of the bytes that are there now; 0 and no error means none yet. The end is io.EOF. An error
	// comes without bytes and is reported once; io.EOF follows.
	Read(ctx context.Context, p []byte) (int, error)
	// Close lets go of the stream. Reads after it give io.EOF.
	Close() error
}

// OutputStream is a stream of bytes from a guest. As a [Pollable] it is ready when CheckWrite would give more than 0 or
// an error.
type OutputStream interface {
	Pollable
	// CheckWrite says how many bytes Write takes now. 0 means that the stream is busy.
	CheckWrite(ctx context.Context) (uint64, error)
	// Write takes all of p, which must be no longer than CheckWrite said, and does not keep p. Bytes may be buffered.
	Write(ctx context.Context, p []byte) error
	// Flush starts to pass on what is buffered. Until that is done CheckWrite gives 0.
	Flush(ctx context.Context) error
	// Close takes no more bytes. What is buffered is still passed on.
	Close() error
}

// Charged is a stream that holds bytes of its own: it asks an account for them before they are there. Charge comes before the
// stream is used, or not at all.
type Charged interface{ Charge(a *cm.Account) }

// BlockingRead is Read that waits for at least one byte, the end, an error or the end of ctx. With an empty p it does
// not wait.
func BlockingRead(ctx context.Context, s InputStream, p []byte) (int, error) {
	for {
		n, err := s.Read(ctx, p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if err := Wait(ctx, s); err != nil {
			return 0, &Interrupted{err}
		}
	}
}

// WriteAndFlush writes all of p, in as many pieces as the stream wants, and waits until it has been passed on.
func WriteAndFlush(ctx context.Context, s OutputStream, p []byte) error {
	for len(p) > 0 {
		n, err := s.CheckWrite(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := Wait(ctx, s); err != nil {
				return &Interrupted{err}
			}
			continue
		}
		k := int(min(n, uint64(len(p))))
		if err := s.Write(ctx, p[:k]); err != nil {
			return err
		}
		p = p[k:]
	}
	return BlockingFlush(ctx, s)
}

// ErrGone is how a write fails when whoever takes the bytes has gone: the stream is closed, and bytes are lost. A guest sees a
// closed stream; [BlockingFlush] takes io.EOF for the end of one that has lost nothing.
var ErrGone = errors.New("nobody takes any more")

// BlockingFlush flushes and waits until that is done. A stream that has closed by then is no error if nothing was lost.
func BlockingFlush(ctx context.Context, s OutputStream) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	if err := Wait(ctx, s); err != nil {
		return &Interrupted{err}
	}
	if _, err := s.CheckWrite(ctx); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// Splice moves up to n bytes that are there now to where there is room now. buf is what they pass through; no more than
// its length is moved.
func Splice(ctx context.Context, dst OutputStream, src InputStream, buf []byte, n uint64) (uint64, error) {
	room, err := dst.CheckWrite(ctx)
	if err != nil {
		return 0, err
	}
	buf = buf[:min(room, n, uint64(len(buf)))]
	k, err := src.Read(ctx, buf)
	if err != nil || k == 0 {
		return 0, err
	}
	return uint64(k), dst.Write(ctx, buf[:k])
}

// Interrupted is the error of a wait that the caller's context ended: no error of the stream.
type Interrupted struct{ Cause error }

// Error is the cause's.
func (e *Interrupted) Error() string { return e.Cause.Error() }

// Unwrap gives the cause.
func (e *Interrupted) Unwrap() error { return e.Cause }
