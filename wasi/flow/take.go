package flow

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// bufferSize is how many bytes are moved at a time.
const bufferSize = 32 << 10

// buffers keeps unused buffers: a stream has one only while there are bytes to move.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Take passes what a component writes to src to write, in order, until its end, an error of write (which drops src) or the end of the
// store. end gets the error: nil at the end of the stream. write must not keep p.
//
// The context of write ends with the store; or, if settle is set, with the scope's call once the store is about to end, and until then the
// store's end waits for write.
func (s Scope) Take(src *cm.StreamReader[uint8], settle bool, write func(ctx context.Context, p []byte) error, end func(ctx context.Context, err error)) error {
	a := cm.AccountOf(s.ctx)
	if err := a.Reserve(Held); err != nil {
		_ = src.Close()
		return err
	}
	w := s.begin(a)
	src.Last(w.ctx.Cancel)
	into := context.Context(&w.ctx)
	if settle {
		var hurry context.CancelFunc
		into, hurry = context.WithCancel(context.WithoutCancel(s.ctx))
		s.mu.Lock()
		w.call, w.src, w.base, w.hurry = s.ctx, src, src.Items(), hurry
		s.mu.Unlock()
	}
	w.run(func(ctx context.Context) {
		err := w.take(into, src, write)
		_ = src.Close()
		w.pass(-1)
		end(ctx, err)
	})
	return nil
}

// small is the size of the buffer while a component writes little, because a goroutine that waits has a buffer all the time.
const small = 512

func (w *Work) take(into context.Context, src *cm.StreamReader[uint8], write func(context.Context, []byte) error) error {
	first := make([]byte, small)
	var large *[bufferSize]byte
	defer func() { putBuffer(w.account, large) }()
	for {
		buf := first
		if large != nil {
			buf = large[:]
		}
		n, err := src.Read(&w.ctx, buf)
		if n > 0 {
			failed := write(into, buf[:n])
			w.pass(int64(n))
			if failed != nil {
				return failed
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == len(buf) && large == nil:
			large = takeBuffer(w.account)
		case n < len(buf):
			putBuffer(w.account, large)
			large = nil
		}
	}
}

// Refused drops src and passes err to end, if nothing can be taken because of err.
func (s Scope) Refused(src *cm.StreamReader[uint8], err error, end func(ctx context.Context, err error)) {
	_ = src.Close()
	s.Finish(func(ctx context.Context) { end(ctx, err) })
}

// takeBuffer is a large buffer; nil if the account has no room for it.
func takeBuffer(a *cm.Account) *[bufferSize]byte {
	if a.Reserve(bufferSize) != nil {
		return nil
	}
	return buffers.Get().(*[bufferSize]byte)
}

func putBuffer(a *cm.Account, b *[bufferSize]byte) {
	if b != nil {
		a.Release(bufferSize)
		buffers.Put(b)
	}
}

// pass says that n bytes more have been passed on; -1: that no more are going to be.
func (w *Work) pass(n int64) {
	g := w.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if n < 0 {
		w.hurryNow()
	} else {
		w.passed += n
	}
	g.cond.Broadcast()
}

// hurryNow ends work that would be waited for. The group's lock is held.
func (w *Work) hurryNow() {
	if w.hurry != nil {
		w.hurry()
		w.hurry = nil
	}
}

type settledKey struct{}

// settled is the work of one invocation, whose end waits for it as the store's does.
type settled struct{ group *Group }

// Settle has the end of the scope's invocation wait until the taken bytes have been passed on, as the end of its store does. It is called
// before the first byte, after the destination has been made ready, because values of an invocation are closed in the reverse order.
func (s Scope) Settle() {
	component.TaskValue(s.ctx, settledKey{}, func() any { return &settled{s.Group} })
}

// Close implements io.Closer.
func (s *settled) Close() error {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.group.settle(func(w *Work) bool { return w.hurry != nil })
	return nil
}
