package wasiio

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
)

// InputStream is a stream of bytes to a guest. As a [Pollable] it is ready when Read would return bytes, the end or an error.
type InputStream interface {
	Pollable
	// Read reads up to len(p) bytes without blocking; 0 and no error means that none are available yet. The end is io.EOF.
	// Another error comes without bytes and is returned once; io.EOF follows.
	Read(ctx context.Context, p []byte) (int, error)
	// Close releases the stream. Later reads return io.EOF.
	Close() error
}

// OutputStream is a stream of bytes from a guest. As a [Pollable] it is ready when CheckWrite would return more than 0 or an
// error.
type OutputStream interface {
	Pollable
	// CheckWrite returns how many bytes Write accepts now. 0 means that the stream is busy.
	CheckWrite(ctx context.Context) (uint64, error)
	// Write accepts all of p, which must be no longer than CheckWrite returned, and does not keep p. Bytes may be buffered.
	Write(ctx context.Context, p []byte) error
	// Flush starts to write out the buffer. Until that is done CheckWrite returns 0.
	Flush(ctx context.Context) error
	// Close ends the stream. Buffered bytes are still written out.
	Close() error
}

// Charged is a stream with buffers of its own, which it charges to an account. Charge is called before the stream is used, or
// not at all.
type Charged interface{ Charge(a *cm.Account) }

// BlockingRead is Read that waits for at least one byte, the end, an error or the end of ctx. It does not wait if p is empty.
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

// WriteAndFlush writes all of p, in pieces of the size that CheckWrite permits, and waits until it has been flushed.
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

// ErrReaderGone is the error of a write whose reader has gone (EPIPE): the stream is closed, and bytes are lost. A guest sees
// a closed stream. [BlockingFlush] reports it, unlike io.EOF, after which nothing is lost.
var ErrReaderGone = errors.New("the reader has gone")

// BlockingFlush flushes and waits until that is done. A stream that was closed meanwhile is no error if no bytes are lost.
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

// Splice moves up to n bytes from src to dst without blocking, through buf and at most its length.
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

// Interrupted is the error of a wait that ended with the caller's context. It is not an error of the stream.
type Interrupted struct{ Cause error }

// Error is the cause's.
func (e *Interrupted) Error() string { return e.Cause.Error() }

// Unwrap gives the cause.
func (e *Interrupted) Unwrap() error { return e.Cause }
