package wasiio

import (
	"context"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// WriteBuffer is how many bytes a Writer holds at most.
const WriteBuffer = 64 << 10

// Writer is an [OutputStream] over a destination that blocks. It buffers at most [WriteBuffer] bytes: a slow destination
// causes back-pressure.
//
// A goroutine that runs only while the buffer is not empty writes them to the destination. If the destination has a method
// Flush() error, a flush calls it.
type Writer struct {
	Event
	dst io.Writer

	mu       sync.Mutex
	pending  []byte // not yet given to dst
	spare    []byte // the buffer that pending was before, for reuse
	inFlight int    // being written to dst
	running  bool
	flushing bool
	closed   bool  // no more writes
	err      error // of dst; reported once
	reported bool
	idle     chan struct{} // closed when the goroutine ends; nil if no Drain waits
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

// Ready implements [Pollable].
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

// CheckWrite implements [OutputStream].
func (w *Writer) CheckWrite(context.Context) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.failure(); err != nil {
		return 0, err
	}
	return uint64(max(w.room(), 0)), nil
}

// Write implements [OutputStream].
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

// Flush implements [OutputStream].
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

// start starts the goroutine if it does not run. w.mu is held.
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

// free releases the buffers after the last write. w.mu is held, and the goroutine does not run.
func (w *Writer) free() {
	w.pending, w.spare = nil, nil
	w.held.Release()
}

// flush flushes the destination. w.mu is held, and released meanwhile.
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

// fail keeps the first error and discards what can no longer be written. w.mu is held.
func (w *Writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.pending = nil
	}
}

// Close implements [OutputStream]. It does not wait; see [Writer.Drain].
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

// Abort ends the stream with err and discards the buffer. A write that is under way goes on.
func (w *Writer) Abort(err error) {
	w.mu.Lock()
	w.fail(err)
	w.mu.Unlock()
	w.Notify()
}

// Drain waits until all that was written has reached the destination, and returns the error if some has not.
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

// FuncWriter is an OutputStream over a function that does not block: a write to a file, or to a command's standard output.
// The function is called within Write, with its context.
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

// CheckWrite implements [OutputStream].
func (w *FuncWriter) CheckWrite(context.Context) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, io.EOF
	}
	return WriteBuffer, nil
}

// Write implements [OutputStream].
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

// Flush implements [OutputStream].
func (w *FuncWriter) Flush(ctx context.Context) error {
	_, err := w.CheckWrite(ctx)
	return err
}

// Close implements [OutputStream].
func (w *FuncWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return nil
}
