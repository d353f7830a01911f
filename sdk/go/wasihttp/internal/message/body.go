package message

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
)

// errDone is the error of using a body that is closed.
var errDone = errors.New("wasihttp: the body is closed")

// chunk is how many bytes pass at once: what blocking-write-and-flush takes, and what fits into the room of package cabi besides other values.
const (
	writeChunk = 4096
	readChunk  = 32 << 10
)

// Writer writes a body. It gathers small writes.
type Writer struct {
	body    bindings.OutgoingBody
	stream  bindings.OutputStream
	pending []byte
	open    bool
	err     error
}

// NewWriter makes the writer of a body, which it then owns. Finish or Abort it.
func NewWriter(body bindings.OutgoingBody) (*Writer, error) {
	stream, err := body.Write()
	if err != nil {
		return nil, err
	}
	return &Writer{body: body, stream: stream, open: true}, nil
}

// Write is io.Writer's.
func (w *Writer) Write(b []byte) (n int, err error) {
	if !w.open {
		return 0, errDone
	}
	for n < len(b) && w.err == nil {
		some := min(len(b)-n, writeChunk-len(w.pending))
		w.pending = append(w.pending, b[n:n+some]...)
		if n += some; len(w.pending) == writeChunk {
			w.flush()
		}
	}
	return n, w.err
}

// Flush passes on what is pending.
func (w *Writer) Flush() error {
	if w.open && w.err == nil {
		w.flush()
	}
	return w.err
}

func (w *Writer) flush() {
	if len(w.pending) > 0 {
		w.err = streamError(w.stream.BlockingWriteAndFlush(w.pending))
		w.pending = w.pending[:0]
	}
}

// Finish ends the body, with trailers unless there are none. A trailer that the host refuses is none, as in package net/http.
func (w *Writer) Finish(h http.Header) error {
	if !w.open {
		return errDone
	}
	_ = w.Flush() // it stays in w.err
	w.open = false
	w.stream.Drop()
	return errors.Join(w.err, bindings.OutgoingBodyFinish(w.body, trailerFields(h)))
}

// Abort ends the body before its end: the other side sees that it is cut.
func (w *Writer) Abort() {
	if w.open {
		w.open = false
		w.stream.Drop()
		w.body.Drop()
	}
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

// Reader reads a body.
type Reader struct {
	body     bindings.IncomingBody
	stream   bindings.InputStream
	release  func()
	trailers func(bindings.Fields)
	open     bool
	err      error // once it has ended
	rest     []byte
}

// NewReader makes the reader of a body, which it then owns. release is called when the body is closed, trailers, which may be nil, with what follows
// the body.
func NewReader(body bindings.IncomingBody, release func(), trailers func(bindings.Fields)) (*Reader, error) {
	stream, err := body.Stream()
	if err != nil {
		body.Drop()
		release()
		return nil, err
	}
	return &Reader{body: body, stream: stream, release: release, trailers: trailers, open: true}, nil
}

// Read is io.Reader's.
func (r *Reader) Read(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case len(r.rest) > 0:
	case r.err != nil:
		return 0, r.err
	case !r.open:
		return 0, errDone
	default:
		r.fill(len(b))
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill reads the next bytes, as many as the caller has room for within bounds.
func (r *Reader) fill(room int) {
	for len(r.rest) == 0 && r.err == nil {
		got, err := r.stream.BlockingRead(uint64(min(max(room, 512), readChunk)))
		if err = streamError(err); errors.Is(err, answer.ErrClosed) {
			err = io.EOF
		}
		r.rest, r.err = got, err
	}
	if r.err == io.EOF {
		r.end()
	}
}

// end reads the trailers, which come after the stream.
func (r *Reader) end() {
	r.open = false
	r.stream.Drop()
	future := bindings.IncomingBodyFinish(r.body)
	defer r.release()
	defer future.Drop()
	if r.trailers == nil {
		return
	}
	ready := future.Subscribe()
	ready.Block()
	ready.Drop()
	if result := future.Get(); result != nil && !result.Failed {
		fields, err := result.OK.Unpack()
		switch {
		case err != nil:
			r.err = io.ErrUnexpectedEOF // the body was cut
		case fields != nil:
			r.trailers(*fields)
		}
	}
}

// Close is io.Closer's.
func (r *Reader) Close() error {
	if r.open {
		r.open = false
		r.stream.Drop()
		r.body.Drop()
		r.release()
	}
	r.rest = nil
	if r.err == nil {
		r.err = errDone
	}
	return nil
}
