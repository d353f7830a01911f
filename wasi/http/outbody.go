package http

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// outBuffer bounds the bytes of an outgoing body that the network has not read yet. A flush waits until no more than
// outFlushed of them are left. Waiting for the last byte would stop a guest in the middle of a small response until the
// scheduler runs the goroutine that writes.
const (
	outBuffer  = 64 << 10
	outFlushed = 16 << 10
)

// ErrUnfinished is the read error of a body that the guest dropped without finishing it.
var ErrUnfinished = &Error{Code: InternalError, Text: "the body was dropped before it was finished"}

// OutgoingBody is a body that a guest writes and the network reads. The guest's side ([OutgoingBody.Stream], Finish and
// Abort) never blocks. The network's side is an io.ReadCloser: Read waits for bytes and returns io.EOF after Finish, when
// Trailers are available. Before Attach there is no reader, and a flush is done when the bytes are in the buffer.
type OutgoingBody struct {
	tooLong Code // error of a body whose length is not the one that its headers declare

	mu       sync.Mutex
	cond     sync.Cond
	buf      []byte // buf[off:] is written but not read
	off      int
	attached bool
	flushing bool
	length   int64 // declared; -1 when unknown
	max      uint64
	empty    bool // the head declares a length, the message has no body (an answer to HEAD)
	written  uint64
	end      error // io.EOF: finished; anything else: aborted; nil: open
	trailers *Fields
	readErr  error // why there is no reader any more; nil: there is, or none yet
	reported bool
	sent     bool // Read has returned io.EOF
	event    wasiio.Event
	held     cm.Holding // for buf
	writer   bodyWriter // the guest's stream
	from     *pulling   // nil: the body has no source
	// interrupt ends a read of the source that does not hear of the end of its context; may be nil.
	interrupt Interrupter
}

func newOutgoingBody(h *Fields, tooLong Code, most uint64) *OutgoingBody {
	if most == 0 {
		most = math.MaxUint64
	}
	b := &OutgoingBody{length: contentLength(h), tooLong: tooLong, max: most}
	b.cond.L = &b.mu
	b.writer.body = b
	return b
}

// Stream returns the guest's stream, the same at each call. Closing it does not end the body.
func (b *OutgoingBody) Stream() wasiio.OutputStream { return &b.writer }

// Finish ends the body. It fails, and aborts the body, if the length is not the one declared.
func (b *OutgoingBody) Finish(trailers *Fields) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end != nil {
		if b.end == io.EOF {
			return nil
		}
		var e *Error
		if errors.As(b.end, &e) {
			return e
		}
		return &Error{Code: InternalError, Err: b.end}
	}
	if !b.whole() {
		err := sizeError(b.tooLong, b.written)
		b.endWrites(err)
		return err
	}
	b.trailers = trailers
	b.endWrites(io.EOF)
	return nil
}

// Abort ends the body with an error, which the network's side reads after the written bytes. After Finish it does nothing.
func (b *OutgoingBody) Abort(err error) {
	b.mu.Lock()
	if b.end == nil {
		b.endWrites(err)
	}
	b.mu.Unlock()
	b.settle()
}

// endWrites ends the guest's side with io.EOF or an error. b.mu is held.
func (b *OutgoingBody) endWrites(end error) {
	b.end = end
	b.cond.Broadcast()
	b.event.Notify()
}

// Attach announces a reader. empty says that the message has no body on the wire, whatever its headers declare.
func (b *OutgoingBody) Attach(empty bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attached, b.empty = true, empty
}

// KnownLength is the body's length if it is declared or the body is finished.
func (b *OutgoingBody) KnownLength() (n int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.length < 0 && b.end == io.EOF {
		return int64(b.written), true
	}
	return b.length, b.length >= 0
}

// Read implements io.Reader for the network.
func (b *OutgoingBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.from != nil {
		n, err := b.pull(p)
		b.mu.Unlock()
		if err != nil {
			b.settle()
		}
		return n, err
	}
	defer b.mu.Unlock()
	for b.pending() == 0 && b.end == nil && b.readErr == nil {
		b.cond.Wait()
	}
	switch {
	case b.readErr != nil:
		return 0, b.readErr
	case b.pending() == 0:
		if b.end == io.EOF && !b.sent {
			b.sent = true
			b.event.Notify()
		}
		return 0, b.end
	}
	n := copy(p, b.buf[b.off:])
	b.off += n
	switch {
	case b.pending() > 0:
	case b.end != nil:
		b.free()
	default:
		b.buf, b.off = b.buf[:0], 0
	}
	b.flushing = b.flushing && b.pending() > outFlushed
	b.event.Notify()
	return n, nil
}

// Readable says whether Read would return without waiting.
func (b *OutgoingBody) Readable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending() > 0 || b.end != nil || b.readErr != nil || b.from != nil && b.from.src.Ready()
}

// pending is the number of unread bytes. b.mu is held.
func (b *OutgoingBody) pending() int { return len(b.buf) - b.off }

// Trailers returns the trailers after Read has returned io.EOF; nil if there are none.
func (b *OutgoingBody) Trailers() *Fields {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trailers
}

// Close implements io.Closer for the network: the guest's writes fail from then on.
func (b *OutgoingBody) Close() error {
	b.Disconnect(&Error{Code: ConnectionTerminated})
	return nil
}

// Disconnect is Close with a reason.
func (b *OutgoingBody) Disconnect(reason error) {
	b.mu.Lock()
	if b.readErr == nil {
		b.readErr, b.flushing = reason, false
		b.free()
		b.cond.Broadcast()
		b.event.Notify()
	}
	b.mu.Unlock()
	b.settle()
}

// free releases the buffer. b.mu is held.
func (b *OutgoingBody) free() {
	b.buf, b.off = nil, 0
	b.held.Release()
}

// grow makes room for n bytes more. b.mu is held.
func (b *OutgoingBody) grow(n int) error {
	if need := len(b.buf) + n; need > cap(b.buf) {
		most := max(need, min(2*cap(b.buf), outBuffer))
		if err := b.held.Set(most); err != nil {
			return err
		}
		b.buf = append(make([]byte, 0, most), b.buf...)
	}
	return nil
}

// bodyWriter is the guest's stream into an OutgoingBody.
type bodyWriter struct {
	body   *OutgoingBody
	closed bool
}

// Charge implements [wasiio.Charged].
func (w *bodyWriter) Charge(a *cm.Account) {
	w.body.mu.Lock()
	defer w.body.mu.Unlock()
	w.body.held.Charge(a)
}

func (w *bodyWriter) Watch(wake chan<- struct{}) func() { return w.body.event.Watch(wake) }

func (w *bodyWriter) Ready() bool {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.closed || b.end != nil || b.readErr != nil || b.room() > 0
}

func (b *OutgoingBody) room() int {
	if b.flushing {
		return 0
	}
	return max(outBuffer-b.pending(), 0)
}

// writeError is the error to report to the guest now. b.mu is held.
func (w *bodyWriter) writeError() error {
	b := w.body
	switch {
	case w.closed || b.end == io.EOF:
		return io.EOF
	case b.end != nil || b.readErr != nil:
		if b.reported {
			return io.EOF
		}
		b.reported = true
		if b.readErr != nil {
			return b.readErr
		}
		return b.end
	}
	return nil
}

// CheckWrite implements [wasiio.OutputStream].
func (w *bodyWriter) CheckWrite(context.Context) (uint64, error) {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.writeError(); err != nil {
		return 0, err
	}
	return uint64(b.room()), nil
}

// Write implements [wasiio.OutputStream].
func (w *bodyWriter) Write(_ context.Context, p []byte) error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.writeError(); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	b.written += uint64(len(p))
	switch {
	case b.length >= 0 && b.written > uint64(b.length):
		b.endWrites(sizeError(b.tooLong, b.written))
		return w.writeError()
	case b.written > b.max:
		err := bodyLimit(b.tooLong, b.max)
		b.endWrites(err)
		return w.writeError()
	}
	if b.off > 0 && len(b.buf)+len(p) > cap(b.buf) { // room in front before more memory
		b.buf = b.buf[:copy(b.buf, b.buf[b.off:])]
		b.off = 0
	}
	if err := b.grow(len(p)); err != nil {
		b.endWrites(&Error{Code: InternalError, Text: err.Error(), Err: err})
		return w.writeError()
	}
	b.buf = append(b.buf, p...)
	b.cond.Signal()
	return nil
}

// Flush implements [wasiio.OutputStream].
func (w *bodyWriter) Flush(context.Context) error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.writeError(); err != nil {
		return err
	}
	b.flushing = b.attached && b.pending() > outFlushed
	return nil
}

// Close implements [wasiio.OutputStream].
func (w *bodyWriter) Close() error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	w.closed = true
	b.event.Notify()
	return nil
}
