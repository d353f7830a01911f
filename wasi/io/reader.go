package wasiio

import (
	"context"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// The buffer of a Reader starts small and grows when the source fills it.
const (
	minReadBuffer = 4 << 10
	maxReadBuffer = 64 << 10
)

// goroutineBytes is the charge for a goroutine that reads for a stream.
const goroutineBytes = 4 << 10

// Reader is an [InputStream] over a source that blocks. Nothing is read from the source before the first Read, Ready or
// Watch, and no more than one buffer ahead of the guest: a guest that does not read causes back-pressure.
//
// While a read of the source is under way it runs on a goroutine of its own, which ends with that read.
type Reader struct {
	Event
	src io.Reader

	mu      sync.Mutex
	buf     []byte
	r, w    int // buf[r:w] has been read from src
	filling bool
	err     error // of src, returned after buf[r:w]
	closed  bool
	held    cm.Holding // for buf
}

// NewReader makes a stream over src. Close closes src if it is an io.Closer, which must unblock a Read that is under way;
// hide the method to keep src open.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// Charge implements [Charged].
func (r *Reader) Charge(a *cm.Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held.Charge(a)
}

// Ready implements [Pollable]. It starts a read of the source if the buffer is empty.
func (r *Reader) Ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.r < r.w || r.err != nil || r.closed {
		return true
	}
	r.fill()
	return r.err != nil
}

// Read implements [InputStream].
func (r *Reader) Read(_ context.Context, p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, io.EOF
	case r.r < r.w:
		n := copy(p, r.buf[r.r:r.w])
		r.r += n
		return n, nil
	case r.err != nil:
		err := r.err
		r.err = io.EOF
		return 0, err
	case len(p) > 0:
		r.fill()
		if r.err != nil { // the account has no room for a buffer
			err := r.err
			r.err = io.EOF
			return 0, err
		}
	}
	return 0, nil
}

// fill starts a read of the source unless one is under way. r.mu is held, the buffer is empty.
func (r *Reader) fill() {
	if r.filling {
		return
	}
	switch {
	case r.buf == nil:
		if r.err = r.held.Set(minReadBuffer + goroutineBytes); r.err != nil {
			return
		}
		r.buf = make([]byte, minReadBuffer)
	case r.w == len(r.buf) && len(r.buf) < maxReadBuffer:
		if r.held.Set(len(r.buf)*4+goroutineBytes) == nil {
			r.buf = make([]byte, len(r.buf)*4)
		}
	}
	r.r, r.w, r.filling = 0, 0, true
	go r.readSource(r.buf)
}

func (r *Reader) readSource(buf []byte) {
	var n int
	var err error
	for n == 0 && err == nil {
		n, err = r.src.Read(buf)
	}
	r.mu.Lock()
	r.w, r.err, r.filling = n, err, false
	r.mu.Unlock()
	r.Notify()
}

// Close implements [InputStream].
func (r *Reader) Close() error {
	r.mu.Lock()
	was := r.closed
	r.closed = true
	r.held.Release()
	r.mu.Unlock()
	if was {
		return nil
	}
	r.Notify()
	if c, ok := r.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Empty is an InputStream that has ended.
func Empty() InputStream { return empty{} }

type empty struct{ always }

func (empty) Read(context.Context, []byte) (int, error) { return 0, io.EOF }
func (empty) Close() error                              { return nil }

// FuncReader is an InputStream over a function that does not block. The function is like Read of [InputStream], except that
// 0 bytes without an error mean the end.
type FuncReader struct {
	always
	mu     sync.Mutex
	read   func(p []byte) (int, error)
	closed bool
}

// NewFuncReader makes a stream over read. Calls to it do not overlap.
func NewFuncReader(read func(p []byte) (int, error)) *FuncReader { return &FuncReader{read: read} }

// Read implements [InputStream].
func (r *FuncReader) Read(_ context.Context, p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.read(p)
	if n > 0 {
		return n, nil
	}
	r.closed = true
	if err == nil {
		err = io.EOF
	}
	return 0, err
}

// Close implements [InputStream].
func (r *FuncReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}
