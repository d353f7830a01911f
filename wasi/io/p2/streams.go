package iop2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

const (
	// maxChunk bounds what one call reads, skips or splices.
	maxChunk = 64 << 10
	// maxBlockingWrite bounds blocking-write-and-flush (streams.wit).
	maxBlockingWrite = 4096
)

// Input is an input-stream resource. Like every resource it is used by one store, so by one goroutine at a time.
type Input struct {
	Stream  wasiio.InputStream
	buf     []byte
	held    cm.Holding // for buf
	charged bool       // the stream knows its account
}

// NewInputStream makes a resource of s and owns it: dropping the resource closes s.
func NewInputStream(s wasiio.InputStream) *Input { return &Input{Stream: s} }

// buffer returns the buffer of a read. The next call uses it again: the result of a call has been lowered by then.
func (s *Input) buffer(ctx context.Context, n uint64) ([]byte, error) {
	n = min(n, maxChunk)
	if uint64(cap(s.buf)) < n {
		if err := s.held.Hold(ctx, int(n)); err != nil {
			return nil, err
		}
		s.buf = make([]byte, n)
	}
	return s.buf[:n], nil
}

// charge passes the account of the guest to the stream, the first time.
func (s *Input) charge(ctx context.Context) {
	if !s.charged {
		s.charged = true
		chargeStream(ctx, s.Stream)
	}
}

func chargeStream(ctx context.Context, stream any) {
	if c, ok := stream.(wasiio.Charged); ok {
		c.Charge(cm.AccountOf(ctx))
	}
}

type readFunc func(ctx context.Context, s wasiio.InputStream, p []byte) (int, error)

func readNow(ctx context.Context, s wasiio.InputStream, p []byte) (int, error) { return s.Read(ctx, p) }

func (s *Input) read(ctx context.Context, n uint64, how readFunc) ([]byte, error) {
	s.charge(ctx)
	b, err := s.buffer(ctx, n)
	if err != nil {
		return nil, streamError(err)
	}
	k, err := how(ctx, s.Stream, b)
	if err != nil {
		return nil, streamError(err)
	}
	return b[:k], nil
}

// Read implements [InputStream]; the bytes are valid until the next call.
func (s *Input) Read(ctx context.Context, n uint64) ([]byte, error) { return s.read(ctx, n, readNow) }

// BlockingRead implements [InputStream]; the bytes are valid until the next call.
func (s *Input) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	return s.read(ctx, n, wasiio.BlockingRead)
}

// Skip implements [InputStream].
func (s *Input) Skip(ctx context.Context, n uint64) (uint64, error) {
	b, err := s.read(ctx, n, readNow)
	return uint64(len(b)), err
}

// BlockingSkip implements [InputStream].
func (s *Input) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	b, err := s.read(ctx, n, wasiio.BlockingRead)
	return uint64(len(b)), err
}

// Subscribe implements [InputStream].
func (s *Input) Subscribe(ctx context.Context) (Pollable, error) {
	s.charge(ctx)
	return NewPollable(s.Stream), nil
}

// Drop closes the stream.
func (s *Input) Drop(context.Context) error {
	s.held.Release()
	s.Stream.Close() // the error has no receiver
	return nil
}

// Output is an output-stream resource.
type Output struct {
	Stream  wasiio.OutputStream
	permit  uint64     // unused rest of what the last check-write permitted
	buf     []byte     // for splices
	held    cm.Holding // for buf
	charged bool       // the stream knows its account
}

// NewOutputStream makes a resource of s and owns it: dropping the resource closes s.
func NewOutputStream(s wasiio.OutputStream) *Output { return &Output{Stream: s} }

// CheckWrite implements [OutputStream].
func (s *Output) CheckWrite(ctx context.Context) (uint64, error) {
	n, err := s.Stream.CheckWrite(ctx)
	s.permit = n
	return n, streamError(err)
}

// takePermit uses n bytes of what check-write has permitted, or traps.
func (s *Output) takePermit(ctx context.Context, what string, n uint64) error {
	s.charge(ctx)
	if n > s.permit {
		return wasiio.Misuse("%s: %d bytes, check-write permitted %d", what, n, s.permit)
	}
	s.permit -= n
	return nil
}

// Write implements [OutputStream].
func (s *Output) Write(ctx context.Context, p []byte) error {
	if err := s.takePermit(ctx, "write", uint64(len(p))); err != nil {
		return err
	}
	return streamError(s.Stream.Write(ctx, p))
}

// BlockingWriteAndFlush implements [OutputStream].
func (s *Output) BlockingWriteAndFlush(ctx context.Context, p []byte) error {
	if len(p) > maxBlockingWrite {
		return wasiio.Misuse("blocking-write-and-flush: %d bytes, at most %d are allowed", len(p), maxBlockingWrite)
	}
	s.permit = 0
	s.charge(ctx)
	return streamError(wasiio.WriteAndFlush(ctx, s.Stream, p))
}

// Flush implements [OutputStream].
func (s *Output) Flush(ctx context.Context) error {
	s.permit = 0
	return streamError(s.Stream.Flush(ctx))
}

// BlockingFlush implements [OutputStream].
func (s *Output) BlockingFlush(ctx context.Context) error {
	s.permit = 0
	return streamError(wasiio.BlockingFlush(ctx, s.Stream))
}

// Subscribe implements [OutputStream].
func (s *Output) Subscribe(context.Context) (Pollable, error) { return NewPollable(s.Stream), nil }

var zeroes [maxBlockingWrite]byte

// WriteZeroes implements [OutputStream].
func (s *Output) WriteZeroes(ctx context.Context, n uint64) error {
	if err := s.takePermit(ctx, "write-zeroes", n); err != nil {
		return err
	}
	for n > 0 {
		k := min(n, uint64(len(zeroes)))
		if err := s.Stream.Write(ctx, zeroes[:k]); err != nil {
			return streamError(err)
		}
		n -= k
	}
	return nil
}

// BlockingWriteZeroesAndFlush implements [OutputStream].
func (s *Output) BlockingWriteZeroesAndFlush(ctx context.Context, n uint64) error {
	if n > maxBlockingWrite {
		return wasiio.Misuse("blocking-write-zeroes-and-flush: %d bytes, at most %d are allowed", n, maxBlockingWrite)
	}
	return s.BlockingWriteAndFlush(ctx, zeroes[:n])
}

// Splice implements [OutputStream].
func (s *Output) Splice(ctx context.Context, src InputStream, n uint64) (uint64, error) {
	in, err := cm.ObjectAs[*Input](InputStreamType, src)
	if err != nil {
		return 0, wasiio.Misuse("splice: %w", err)
	}
	s.permit = 0
	s.charge(ctx)
	in.charge(ctx)
	if s.buf == nil {
		if err := s.held.Hold(ctx, maxChunk); err != nil {
			return 0, streamError(err)
		}
		s.buf = make([]byte, maxChunk)
	}
	k, err := wasiio.Splice(ctx, s.Stream, in.Stream, s.buf, n)
	return k, streamError(err)
}

// BlockingSplice implements [OutputStream].
func (s *Output) BlockingSplice(ctx context.Context, src InputStream, n uint64) (uint64, error) {
	in, err := cm.ObjectAs[*Input](InputStreamType, src)
	if err != nil {
		return 0, wasiio.Misuse("blocking-splice: %w", err)
	}
	in.charge(ctx)
	for {
		if err := wasiio.Wait(ctx, s.Stream); err != nil {
			return 0, err
		}
		if n > 0 {
			if err := wasiio.Wait(ctx, in.Stream); err != nil {
				return 0, err
			}
		}
		k, err := s.Splice(ctx, src, n)
		if k > 0 || n == 0 || err != nil {
			return k, err
		}
	}
}

// charge passes the account of the guest to the stream, the first time.
func (s *Output) charge(ctx context.Context) {
	if !s.charged {
		s.charged = true
		chargeStream(ctx, s.Stream)
	}
}

// Drop closes the stream; what has been written is still written out.
func (s *Output) Drop(context.Context) error {
	s.held.Release()
	s.Stream.Close() // the error has no receiver
	return nil
}

var (
	_ InputStream  = (*Input)(nil)
	_ OutputStream = (*Output)(nil)
)
