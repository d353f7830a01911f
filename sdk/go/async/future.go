package async

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
)

// FutureType makes the ends of futures of a type of WIT. Bindings declare one for each that their functions have.
type FutureType[T any] struct {
	New                        func() uint64
	Read, Write                func(end, at uint32) uint32
	CancelRead, CancelWrite    func(end uint32) uint32
	DropReadable, DropWritable func(end uint32)
	Size                       uint32
	Lift                       func(at uint32) T
	Lower                      func(at uint32, v T)
}

// Open makes a future.
func (f *FutureType[T]) Open() (*FutureReader[T], *FutureWriter[T]) {
	ends := f.New()
	return f.Reader(uint32(ends)), &FutureWriter[T]{typ: f, end: uint32(ends >> 32)}
}

// Reader is a reader by its handle. It is for bindings.
func (f *FutureType[T]) Reader(end uint32) *FutureReader[T] {
	return &FutureReader[T]{typ: f, end: end}
}

// FutureReader is the readable end of a future. It is to be read once, closed, or passed to a function, which then has it.
type FutureReader[T any] struct {
	typ *FutureType[T]
	end uint32 // 0: given away, or read
	p   pending
}

// FutureWriter is the writable end of a future, which has to be written to: that the reader is closed is the one way out.
type FutureWriter[T any] struct {
	typ *FutureType[T]
	end uint32
	p   pending
}

// Give is the handle, for a function that takes it over. It is for bindings.
func (r *FutureReader[T]) Give() uint32 {
	if r == nil || r.end == 0 {
		panic(errGiven)
	}
	end := r.end
	r.end = 0
	return end
}

// Read waits for the value, and closes the reader. The error is io.EOF if there will be none, and that of the context if it ends first: then Read may be called again.
func (r *FutureReader[T]) Read(ctx context.Context) (v T, err error) {
	if r.end == 0 {
		return v, errGiven
	}
	gate()
	r.p.buffer = cabi.NewBuffer(r.typ.Size)
	result := r.p.settle(ctx, r.end, r.typ.Read(r.end, r.p.buffer.At()), r.typ.CancelRead)
	if result == 0 && r.typ.Lift != nil {
		v = r.typ.Lift(r.p.buffer.At())
	}
	r.p = pending{}
	if result == cancelled {
		return v, context.Cause(ctx)
	}
	r.Close()
	if result == dropped {
		err = io.EOF
	}
	return v, err
}

// Close ends waiting for the value. It may be called twice, and on nil.
func (r *FutureReader[T]) Close() {
	if r != nil && r.end != 0 {
		gate()
		r.typ.DropReadable(r.Give())
	}
}

// Write waits until the value is read, and closes the writer. The error is ErrClosed if nobody reads it, and that of the context if it ends first: then
// Write has to be called again, with another context.
func (w *FutureWriter[T]) Write(ctx context.Context, v T) error {
	if w.end == 0 {
		return errGiven
	}
	cabi.Enter()
	before := cabi.Allocations()
	w.p.buffer = cabi.NewBuffer(w.typ.Size)
	if w.typ.Lower != nil {
		w.typ.Lower(w.p.buffer.At(), v)
	}
	held := cabi.Allocations() != before
	if !held {
		cabi.Leave()
	}
	result := w.p.settle(ctx, w.end, w.typ.Write(w.end, w.p.buffer.At()), w.typ.CancelWrite)
	if held {
		cabi.Leave()
	}
	w.p = pending{}
	if result == cancelled {
		return context.Cause(ctx)
	}
	w.typ.DropWritable(w.end)
	w.end = 0
	if result == dropped {
		return ErrClosed
	}
	return nil
}
