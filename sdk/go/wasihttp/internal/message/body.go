package message

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/poll"
)

// errDone is the error of using a body that is closed.
var errDone = errors.New("wasihttp: the body is closed")

// How many bytes pass at once: what blocking-write-and-flush takes, and what fits into the room of package cabi besides other values.
const (
	writeChunk = 4096
	readChunk  = 32 << 10
)

// Writer writes a body. It gathers small writes. It is for one goroutine.
type Writer struct {
	ctx     context.Context
	gone    func()
	body    bindings.OutgoingBody
	stream  bindings.OutputStream
	ready   bindings.Pollable // the stream's; 0 before it is needed
	pending []byte
	open    bool
	err     error
}

var _ answer.Body = (*Writer)(nil)

// NewWriter makes the writer of a body, which it then owns. Finish or Abort it. The end of the context ends waiting for the other side; gone is called when that
// has stopped reading.
func NewWriter(ctx context.Context, body bindings.OutgoingBody, gone func()) (*Writer, error) {
	stream, err := body.Write()
	if err != nil {
		return nil, err
	}
	return &Writer{ctx: ctx, gone: gone, body: body, stream: stream, open: true}, nil
}

// Write is io.Writer's.
func (w *Writer) Write(b []byte) (n int, err error) {
	if !w.open {
		return 0, errDone
	}
	for n < len(b) && w.err == nil {
		if rest := b[n:]; len(w.pending) == 0 && len(rest) >= writeChunk {
			w.send(rest)
			return len(b), w.err
		}
		some := min(len(b)-n, writeChunk-len(w.pending))
		w.pending = append(w.pending, b[n:n+some]...)
		if n += some; len(w.pending) == writeChunk {
			_ = w.Flush() // it stays in w.err
		}
	}
	return n, w.err
}

// ReadFrom is io.ReaderFrom's: it passes on each part at once, as it is read. Its error is that of reading, unless there was one of writing before.
func (w *Writer) ReadFrom(from io.Reader) (n int64, _ error) {
	if !w.open {
		return 0, errDone
	}
	for b := make([]byte, readChunk); ; {
		got, err := from.Read(b)
		if w.Flush() == nil && got > 0 {
			w.send(b[:got])
		}
		if n += int64(got); w.err != nil {
			return n, w.err
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Flush passes on what is pending.
func (w *Writer) Flush() error {
	if w.open && w.err == nil && len(w.pending) > 0 {
		w.send(w.pending)
		w.pending = w.pending[:0]
	}
	return w.err
}

// send writes, and has the host pass it on.
func (w *Writer) send(b []byte) {
	if len(b) <= writeChunk && poll.Alone() {
		w.fail(w.stream.BlockingWriteAndFlush(b))
		return
	}
	for len(b) > 0 && w.err == nil {
		n := min(w.room(), len(b))
		if w.err == nil {
			w.fail(w.stream.Write(b[:n]))
			b = b[n:]
		}
	}
	if w.err == nil {
		w.fail(w.stream.Flush())
	}
}

// room waits until the host takes something, and says how much.
func (w *Writer) room() int {
	for w.err == nil {
		n, err := w.stream.CheckWrite()
		if w.fail(err); n > 0 || err != nil {
			return int(min(n, readChunk))
		}
		if w.ready == 0 {
			w.ready = w.stream.Subscribe()
		}
		if err := poll.Wait(w.ctx, w.ready); err != nil {
			w.err = err
		}
	}
	return 0
}

// fail keeps the error of an operation of the stream.
func (w *Writer) fail(err error) {
	if err == nil || w.err != nil {
		return
	}
	if w.err = streamError(err); w.err == answer.ErrClosed {
		w.gone()
	}
}

// Finish ends the body, with trailers unless there are none. A trailer that the host refuses is none, as in package net/http.
func (w *Writer) Finish(h http.Header) error {
	if !w.open {
		return errDone
	}
	_ = w.Flush() // it stays in w.err
	w.close()
	return errors.Join(w.err, bindings.OutgoingBodyFinish(w.body, trailerFields(h)))
}

// Abort ends the body before its end: the other side sees that it is cut.
func (w *Writer) Abort() {
	if w.open {
		w.close()
		w.body.Drop()
	}
}

func (w *Writer) close() {
	w.open = false
	if w.ready != 0 {
		w.ready.Drop()
	}
	w.stream.Drop()
}

// streamError is the error of an operation of a stream.
func streamError(err error) error {
	var e *cabi.Error[bindings.StreamError]
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e):
		return err
	case e.Value.Tag == bindings.StreamErrorTagClosed:
		return answer.ErrClosed
	}
	e.Value.LastOperationFailed.Drop()
	return fmt.Errorf("wasihttp: the body: %w", io.ErrUnexpectedEOF)
}

// Reader reads a body. It may be closed while another goroutine reads, which that ends.
type Reader struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	body     bindings.IncomingBody
	stream   bindings.InputStream
	ready    bindings.Pollable // the stream's; 0 before it is needed
	release  func()
	trailers func(bindings.Fields)
	reading  bool
	open     bool
	err      error // once it has ended
	rest     []byte
}

// NewReader makes the reader of a body, which it then owns, until the context ends. release is called when the body is closed, trailers with what follows the body.
func NewReader(ctx context.Context, body bindings.IncomingBody, release func(), trailers func(bindings.Fields)) (*Reader, error) {
	stream, err := body.Stream()
	if err != nil {
		body.Drop()
		release()
		return nil, err
	}
	r := &Reader{body: body, stream: stream, release: release, trailers: trailers, open: true}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	return r, nil
}

// Empty says whether the body is known to have no bytes: where it has, the host says so at once.
func (r *Reader) Empty() bool {
	if r.err == nil && r.open {
		r.take(r.stream.Read(512))
		if r.err == io.EOF {
			r.end()
		}
	}
	return r.err == io.EOF && len(r.rest) == 0
}

// Read is io.Reader's.
func (r *Reader) Read(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case r.ctx.Err() != nil && r.err == nil:
		return 0, context.Cause(r.ctx)
	case len(r.rest) > 0:
	case r.err != nil:
		return 0, r.err
	default:
		if r.fill(len(b)); r.err != nil {
			return 0, r.err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill reads the next bytes, as many as the caller has room for within bounds.
func (r *Reader) fill(room int) {
	size := uint64(min(max(room, 512), readChunk))
	r.reading = true
	for len(r.rest) == 0 && r.err == nil {
		if poll.Alone() {
			r.take(r.stream.BlockingRead(size))
			continue
		}
		if r.take(r.stream.Read(size)); len(r.rest) > 0 || r.err != nil {
			break
		}
		if r.ready == 0 {
			r.ready = r.stream.Subscribe()
		}
		r.err = poll.Wait(r.ctx, r.ready)
	}
	r.reading = false
	switch {
	case r.err == io.EOF:
		r.end()
	case r.err != nil:
		r.drop()
	}
}

func (r *Reader) take(got []byte, err error) {
	if err = streamError(err); errors.Is(err, answer.ErrClosed) {
		err = io.EOF
	}
	r.rest, r.err = got, err
}

// end reads the trailers, which come after the stream.
func (r *Reader) end() {
	r.closeStream()
	future := bindings.IncomingBodyFinish(r.body)
	defer r.release()
	defer future.Drop()
	result := future.Get()
	if result == nil {
		ready := future.Subscribe()
		err := poll.Wait(r.ctx, ready)
		if ready.Drop(); err != nil {
			r.err = err
			return
		}
		result = future.Get()
	}
	if result != nil && !result.Failed {
		fields, err := result.OK.Unpack()
		switch {
		case err != nil:
			r.err = io.ErrUnexpectedEOF // the body was cut
		case fields != nil:
			r.trailers(*fields)
		}
	}
	r.cancel(nil)
}

// drop ends the body before its end.
func (r *Reader) drop() {
	if r.open {
		r.closeStream()
		r.body.Drop()
		r.release()
		r.cancel(nil)
	}
}

func (r *Reader) closeStream() {
	r.open = false
	if r.ready != 0 {
		r.ready.Drop()
	}
	r.stream.Drop()
}

// Close is io.Closer's.
func (r *Reader) Close() error {
	r.rest = nil
	if !r.reading { // else that ends it
		if r.err == nil {
			r.err = errDone
		}
		r.drop()
	}
	r.cancel(errDone)
	return nil
}
