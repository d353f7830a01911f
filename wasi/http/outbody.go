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

// outBuffer is how many bytes an outgoing body holds at most: those that the network has not taken yet. A flush waits until
// no more than outFlushed of them are left. Waiting for the last would stop the guest in the middle of a small answer until the
// goroutine that writes has had its turn, behind all that waits for a processor.
const (
	outBuffer  = 64 << 10
	outFlushed = 16 << 10
)

// ErrUnfinished is what the network's side of a body reads when the guest let go of the body without finishing it.
var ErrUnfinished = &Error{Code: InternalError, Text: "the body was dropped before it was finished"}

// OutgoingBody is a body that a guest writes and the network reads. The guest's side never blocks: [OutgoingBody.Stream],
// Finish and Abort. The network's side is an io.ReadCloser: Read waits for bytes and gives io.EOF after Finish, when
// Trailers are there. Until Attach, nobody reads, and a flush is done when the bytes are in the buffer.
type OutgoingBody struct {
	tooLong Code // what a body is told that does not have the length that its headers declare

	mu       sync.Mutex
	cond     sync.Cond
	buf      []byte // buf[off:] is written, not read
	off      int
	attached bool
	flushing bool
	length   int64 // declared; -1 when unknown
	max      uint64
	empty    bool // the head declares a length, the message has no body (an answer to HEAD)
	written  uint64
	end      error // io.EOF: finished; anything else: aborted; nil: open
	trailers *Fields
	gone     error // the reader has gone away
	reported bool
	event    wasiio.Event
	held     cm.Holding // for buf
}

func newOutgoingBody(h *Fields, tooLong Code, most uint64) *OutgoingBody {
	if most == 0 {
		most = math.MaxUint64
	}
	b := &OutgoingBody{length: contentLength(h), tooLong: tooLong, max: most}
	b.cond.L = &b.mu
	return b
}

// Stream is the guest's end. Closing it does not end the body.
func (b *OutgoingBody) Stream() wasiio.OutputStream { return &bodyWriter{body: b} }

// Finish ends the body. It fails if the length is another than the one declared; the body is broken off then.
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
	if b.length >= 0 && b.written != uint64(b.length) && !(b.empty && b.written == 0) {
		err := sizeError(b.tooLong, b.written)
		b.stop(err)
		return err
	}
	b.trailers = trailers
	b.stop(io.EOF)
	return nil
}

// Abort breaks the body off: err is what the network's side reads, after what has been written. After Finish it does
// nothing.
func (b *OutgoingBody) Abort(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end == nil {
		b.stop(err)
	}
}

// stop ends the guest's side. b.mu is held.
func (b *OutgoingBody) stop(end error) {
	b.end = end
	b.cond.Broadcast()
	b.event.Notify()
}

// Attach says that somebody reads from now on. empty says that the message has no body on the wire, whatever its
// headers declare.
func (b *OutgoingBody) Attach(empty bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attached, b.empty = true, empty
}

// Known gives the body's length if it is declared, or if the body is finished already.
func (b *OutgoingBody) Known() (n int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.length < 0 && b.end == io.EOF {
		return int64(b.written), true
	}
	return b.length, b.length >= 0
}

// Read is io.Reader's, for the network.
func (b *OutgoingBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.pending() == 0 && b.end == nil && b.gone == nil {
		b.cond.Wait()
	}
	switch {
	case b.gone != nil:
		return 0, b.gone
	case b.pending() == 0:
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

// More says whether Read would give something at once, bytes or the end.
func (b *OutgoingBody) More() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending() > 0 || b.end != nil || b.gone != nil
}

// pending is how many bytes wait to be read. b.mu is held.
func (b *OutgoingBody) pending() int { return len(b.buf) - b.off }

// Trailers are there once Read has given io.EOF; nil if there are none.
func (b *OutgoingBody) Trailers() *Fields {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trailers
}

// Close is io.Closer's, for the network: nobody reads any more, and the guest's writes fail.
func (b *OutgoingBody) Close() error {
	b.Disconnect(&Error{Code: ConnectionTerminated})
	return nil
}

// Disconnect is Close with a reason.
func (b *OutgoingBody) Disconnect(reason error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone == nil {
		b.gone, b.flushing = reason, false
		b.free()
		b.cond.Broadcast()
		b.event.Notify()
	}
}

// free lets go of the buffer. b.mu is held.
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
	return w.closed || b.end != nil || b.gone != nil || b.room() > 0
}

func (b *OutgoingBody) room() int {
	if b.flushing {
		return 0
	}
	return max(outBuffer-b.pending(), 0)
}

// state is the error that the stream reports now. b.mu is held.
func (w *bodyWriter) state() error {
	b := w.body
	switch {
	case w.closed || b.end == io.EOF:
		return io.EOF
	case b.end != nil || b.gone != nil:
		if b.reported {
			return io.EOF
		}
		b.reported = true
		if b.gone != nil {
			return b.gone
		}
		return b.end
	}
	return nil
}

// CheckWrite is OutputStream's.
func (w *bodyWriter) CheckWrite(context.Context) (uint64, error) {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.state(); err != nil {
		return 0, err
	}
	return uint64(b.room()), nil
}

// Write is OutputStream's.
func (w *bodyWriter) Write(_ context.Context, p []byte) error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.state(); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	b.written += uint64(len(p))
	switch {
	case b.length >= 0 && b.written > uint64(b.length):
		b.stop(sizeError(b.tooLong, b.written))
		return w.state()
	case b.written > b.max:
		err := bodyLimit(b.tooLong, b.max)
		b.stop(err)
		return w.state()
	}
	if b.off > 0 && len(b.buf)+len(p) > cap(b.buf) { // room in front before more memory
		b.buf = b.buf[:copy(b.buf, b.buf[b.off:])]
		b.off = 0
	}
	if err := b.grow(len(p)); err != nil {
		b.stop(&Error{Code: InternalError, Text: err.Error(), Err: err})
		return w.state()
	}
	b.buf = append(b.buf, p...)
	b.cond.Signal()
	return nil
}

// Flush is OutputStream's.
func (w *bodyWriter) Flush(context.Context) error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := w.state(); err != nil {
		return err
	}
	b.flushing = b.attached && b.pending() > outFlushed
	return nil
}

// Close is OutputStream's.
func (w *bodyWriter) Close() error {
	b := w.body
	b.mu.Lock()
	defer b.mu.Unlock()
	w.closed = true
	b.event.Notify()
	return nil
}
