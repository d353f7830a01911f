package async

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/schedule"
)

// ErrClosed is the error of writing what nobody reads any more.
var ErrClosed = errors.New("async: the other side has stopped reading")

// errGiven is the error of using an end that is closed, or was passed on.
var errGiven = errors.New("async: this end is closed, or was passed on")

// StreamType makes the ends of streams of a type of WIT. Bindings declare one for each that their functions have.
type StreamType[T any] struct {
	New                        func() uint64
	Read, Write                func(end, at, n uint32) uint32
	CancelRead, CancelWrite    func(end uint32) uint32
	DropReadable, DropWritable func(end uint32)
	Size                       uint32
	Lift                       func(at uint32) T
	Lower                      func(at uint32, v T)
}

// Open makes a stream.
func (s *StreamType[T]) Open() (*StreamReader[T], *StreamWriter[T]) {
	ends := s.New()
	return s.Reader(uint32(ends)), &StreamWriter[T]{typ: s, end: uint32(ends >> 32)}
}

// Reader is a reader by its handle. It is for bindings.
func (s *StreamType[T]) Reader(end uint32) *StreamReader[T] {
	return &StreamReader[T]{typ: s, end: end}
}

// StreamReader is the readable end of a stream. It is to be closed, or passed to a function, which then has it.
type StreamReader[T any] struct {
	typ   *StreamType[T]
	end   uint32 // 0: given away
	ended bool
	p     pending
}

// StreamWriter is the writable end of a stream, which is to be closed.
type StreamWriter[T any] struct {
	typ    *StreamType[T]
	end    uint32
	closed bool
	p      pending
}

// How an operation of a stream or future is over (CanonicalABI.md §Stream State).
const (
	dropped   = 1
	cancelled = 2
)

// Give is the handle, for a function that takes it over. It is for bindings.
func (r *StreamReader[T]) Give() uint32 {
	if r == nil || r.end == 0 {
		panic(errGiven)
	}
	end := r.end
	r.end = 0
	return end
}

// Read waits for elements, and reads some into list. The error is io.EOF at the end of the stream, and that of the context if it ends before there are any.
func (r *StreamReader[T]) Read(ctx context.Context, list []T) (int, error) {
	switch {
	case r.end == 0:
		return 0, errGiven
	case r.ended:
		return 0, io.EOF
	case len(list) == 0:
		return 0, nil
	}
	gate()
	at := room(&r.p, list, r.typ.Size)
	result := r.p.settle(ctx, r.end, r.typ.Read(r.end, at, uint32(len(list))), r.typ.CancelRead)
	n := int(result >> 4)
	if r.p.buffer != nil && r.typ.Lift != nil {
		for i := range n {
			list[i] = r.typ.Lift(at + uint32(i)*r.typ.Size)
		}
	}
	r.p = pending{}
	r.ended = result&0xf == dropped
	switch {
	case n > 0:
		return n, nil
	case r.ended:
		return 0, io.EOF
	case result&0xf == cancelled:
		return 0, context.Cause(ctx)
	}
	return 0, nil
}

// Close ends reading: the other side sees that nobody reads. It may be called twice, and on nil.
func (r *StreamReader[T]) Close() {
	if r != nil && r.end != 0 {
		gate()
		r.typ.DropReadable(r.Give())
	}
}

// Write waits until all elements are read. The error is ErrClosed if the other side stops reading, and that of the context if it ends; n says how many were read by then.
func (w *StreamWriter[T]) Write(ctx context.Context, list []T) (n int, err error) {
	if w.end == 0 {
		return 0, errGiven
	}
	for n < len(list) && !w.closed {
		cabi.Enter()
		before := cabi.Allocations()
		at := fill(&w.p, list[n:], w.typ.Size, w.typ.Lower)
		held := cabi.Allocations() != before
		if !held {
			cabi.Leave()
		}
		result := w.p.settle(ctx, w.end, w.typ.Write(w.end, at, uint32(len(list)-n)), w.typ.CancelWrite)
		if held {
			cabi.Leave()
		}
		w.p = pending{}
		n += int(result >> 4)
		w.closed = result&0xf == dropped
		if result&0xf == cancelled && n < len(list) {
			return n, context.Cause(ctx)
		}
	}
	if n < len(list) {
		return n, ErrClosed
	}
	return n, nil
}

// Close ends the stream. It may be called twice, and on nil.
func (w *StreamWriter[T]) Close() {
	if w != nil && w.end != 0 {
		gate()
		w.typ.DropWritable(w.end)
		w.end = 0
	}
}

// room is where the host writes elements for a list: the list's own memory, if it is one of bytes.
func room[T any](p *pending, list []T, size uint32) uint32 {
	if b, ok := any(list).([]byte); ok {
		p.bytes = b
		return schedule.AddressOf(b)
	}
	p.buffer = cabi.NewBuffer(uint32(len(list)) * size)
	return p.buffer.At()
}

// fill is where the host reads the elements of a list.
func fill[T any](p *pending, list []T, size uint32, lower func(uint32, T)) uint32 {
	at := room(p, list, size)
	if p.buffer != nil && lower != nil {
		for i, v := range list {
			lower(at+uint32(i)*size, v)
		}
	}
	return at
}
