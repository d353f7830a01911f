package wasiio

import (
	"context"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// WriteBuffer is how many bytes a Writer holds at most.
const WriteBuffer = 64 << 10

// Writer is an [OutputStream] over a destination that blocks. It takes up to [WriteBuffer] bytes ahead of what the
// destination has taken, and none beyond: a destination that is slow holds back the guest.
//
// Bytes are passed on by a goroutine that lives only while there are some. If the destination has a method
// Flush() error, a flush calls it.
type Writer struct {
	Event
	dst io.Writer

	mu       sync.Mutex
	pending  []byte // not yet given to dst
	spare    []byte // what pending was before, for reuse
	inFlight int    // being written to dst
	running  bool
	flushing bool
	closed   bool  // no more writes
	err      error // of dst; reported once
	reported bool
	idle     chan struct{} // closed when the goroutine ends; nil when nobody waits
	finished bool          // dst has been closed
	held     cm.Holding    // for pending and spare
}

// NewWriter makes a stream to dst. After Close and the last byte dst is closed if it is an io.Closer.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Charge implements [Charged].
func (w *Writer) Charge(a *cm.Account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held.Charge(a)
}

// Ready is Pollable's.
func (w *Writer) Ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed || w.err != nil || w.room() > 0
}

func (w *Writer) room() int {
	if w.flushing {
		return 0
	}
	return WriteBuffer - len(w.pending) - w.inFlight
}

// failure is the error to report now, if any. w.mu is held.
func (w *Writer) failure() error {
	if w.err != nil && !w.reported {
		w.reported = true
		return w.err
	}
	if w.err != nil || w.closed {
		return io.EOF
	}
	return nil
}

// CheckWrite is OutputStream's.
func (w *Writer) CheckWrite(context.Context) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.failure(); err != nil {
		return 0, err
	}
	return uint64(max(w.room(), 0)), nil
}

// Write is OutputStream's.
func (w *Writer) Write(_ context.Context, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.failure(); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	if err := w.grow(len(p)); err != nil {
		w.fail(err)
		return w.failure()
	}
	w.pending = append(w.pending, p...)
	w.start()
	return nil
}

// grow makes room for n bytes more. w.mu is held.
func (w *Writer) grow(n int) error {
	need := len(w.pending) + n
	if need <= cap(w.pending) {
		return nil
	}
	most := max(need, min(2*cap(w.pending), WriteBuffer))
	if err := w.held.Set(w.held.Bytes() + most - cap(w.pending)); err != nil {
		return err
	}
	w.pending = append(make([]byte, 0, most), w.pending...)
	return nil
}

// Flush is OutputStream's.
func (w *Writer) Flush(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.failure(); err != nil {
		return err
	}
	if _, ok := w.dst.(flusher); ok || w.running {
		w.flushing = true
		w.start()
	}
	return nil
}

type flusher interface{ Flush() error }

// start lets the goroutine run. w.mu is held.
func (w *Writer) start() {
	if !w.running {
		w.running = true
		go w.drain()
	}
}

func (w *Writer) drain() {
	w.mu.Lock()
	for w.err == nil && (len(w.pending) > 0 || w.flushing) {
		if len(w.pending) == 0 {
			w.flush()
			continue
		}
		b := w.pending
		w.pending, w.inFlight = w.spare[:0], len(b)
		w.mu.Unlock()
		n, err := w.dst.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		w.mu.Lock()
		w.spare, w.inFlight = b[:0], 0
		w.fail(err)
		if !w.flushing {
			w.Notify()
		}
	}
	w.running, w.flushing = false, false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	finish := w.closed && !w.finished
	w.finished = w.finished || finish
	if w.closed || w.err != nil {
		w.free()
	}
	w.mu.Unlock()
	w.Notify()
	if finish {
		w.closeDestination()
	}
}

// free lets go of the buffers: there will be no more writes. w.mu is held, and the goroutine does not run.
func (w *Writer) free() {
	w.pending, w.spare = nil, nil
	w.held.Release()
}

// flush passes the wish on to the destination. w.mu is held, and let go meanwhile.
func (w *Writer) flush() {
	if f, ok := w.dst.(flusher); ok {
		w.mu.Unlock()
		err := f.Flush()
		w.mu.Lock()
		w.fail(err)
	}
	w.flushing = false
	w.Notify()
}

// fail remembers the first error and lets go of what can no longer be written. w.mu is held.
func (w *Writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.pending = nil
	}
}

// Close is OutputStream's. It does not wait; see [Writer.Drain].
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	finish := !w.running && !w.finished
	w.finished = w.finished || finish
	if !w.running {
		w.free()
	}
	w.mu.Unlock()
	w.Notify()
	if finish {
		return w.closeDestination()
	}
	return nil
}

func (w *Writer) closeDestination() error {
	if c, ok := w.dst.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Abort takes no more bytes and forgets those that are buffered. A write that is under way goes on.
func (w *Writer) Abort(err error) {
	w.mu.Lock()
	w.fail(err)
	w.mu.Unlock()
	w.Notify()
}

// Drain waits until all that was written has reached the destination, and gives the error if some has not.
func (w *Writer) Drain(ctx context.Context) error {
	w.mu.Lock()
	for w.running {
		if w.idle == nil {
			w.idle = make(chan struct{})
		}
		idle := w.idle
		w.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	return w.err
}

// FuncWriter is an OutputStream over a function that answers at once: a file, or standard output of a command. Bytes
// are passed on in the call that writes them, so the function sees the context of that call.
type FuncWriter struct {
	always
	mu     sync.Mutex
	write  func(ctx context.Context, p []byte) error
	closed bool
}

// NewFuncWriter makes a stream to write, which must not keep p. Calls to it do not overlap.
func NewFuncWriter(write func(ctx context.Context, p []byte) error) *FuncWriter {
	return &FuncWriter{write: write}
}

// CheckWrite is OutputStream's.
func (w *FuncWriter) CheckWrite(context.Context) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, io.EOF
	}
	return WriteBuffer, nil
}

// Write is OutputStream's.
func (w *FuncWriter) Write(ctx context.Context, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return io.EOF
	}
	err := w.write(ctx, p)
	w.closed = err != nil
	return err
}

// Flush is OutputStream's.
func (w *FuncWriter) Flush(ctx context.Context) error {
	_, err := w.CheckWrite(ctx)
	return err
}

// Close is OutputStream's.
func (w *FuncWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return nil
}
