package instance

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
)

// kind is the kind of handles that ends of the built-in's stream or future have.
func (b *builtIn) kind() handle.Kind {
	if b.Value.Kind == cm.KindFuture {
		return handle.FutureEnd
	}
	return handle.StreamEnd
}

// conduitNew is canon {stream,future}.new.
func (b *builtIn) conduitNew(a *activation, stack []uint64) error {
	readable, writable := a.store.sched.NewEnds(b.Value.Elem, b.Value.Kind == cm.KindFuture)
	t := &b.in(a).table
	r, err := t.Add(handle.Of(b.kind(), readable))
	if err != nil {
		return err
	}
	w, err := t.Add(handle.Of(b.kind(), writable))
	if err != nil {
		return err
	}
	stack[0] = uint64(r) | uint64(w)<<32
	return nil
}

// end finds an end of the built-in's type.
func (b *builtIn) end(a *activation, h uint32, writable bool) (*task.End, error) {
	object, err := b.in(a).table.Object(h, b.kind())
	if err != nil {
		return nil, err
	}
	e := object.(*task.End)
	return e, b.fits(e, h, writable)
}

// fits is a trap unless an end is of the built-in's type.
func (b *builtIn) fits(e *task.End, h uint32, writable bool) error {
	switch {
	case e.Writable != writable:
		return cm.Trapf(cm.TrapHandleType, "handle index %d used with the wrong type: it is the other end of a %s", h, b.Value.Kind)
	case !cm.Equal(e.Elem, b.Value.Elem):
		return cm.Trapf(cm.TrapHandleType, "handle index %d used with the wrong type: want %s, had one of %s", h, b.Value, e.Elem)
	}
	return nil
}

// conduitRead is canon {stream,future}.read.
func (b *builtIn) conduitRead(a *activation, stack []uint64) error { return b.copy(a, stack, false) }

// conduitWrite is canon {stream,future}.write.
func (b *builtIn) conduitWrite(a *activation, stack []uint64) error { return b.copy(a, stack, true) }

func (b *builtIn) copy(a *activation, stack []uint64, writable bool) error {
	h := uint32(stack[0])
	e, err := b.end(a, h, writable)
	if err == nil {
		err = e.CanBegin(b.Async)
	}
	if err != nil {
		return err
	}
	buf := &buffer{a: a, b: b, ptr: uint32(stack[1]), length: 1}
	if !e.Conduit.Future {
		buf.length = uint32(stack[2])
	}
	if err := buf.check(); err != nil {
		return err
	}
	at := &b.in(a).entry
	if writable {
		err = e.Write(at, h, buf, buf)
	} else {
		err = e.Read(at, h, buf, buf)
	}
	if err != nil {
		return err
	}
	start := clock()
	result, err := e.Finish(b.own(a), b.Async)
	return b.blocked(a, start, result, err, stack)
}

func (b *builtIn) conduitCancelRead(a *activation, stack []uint64) error {
	return b.cancel(a, stack, false)
}

func (b *builtIn) conduitCancelWrite(a *activation, stack []uint64) error {
	return b.cancel(a, stack, true)
}

// cancel is canon {stream,future}.cancel-{read,write}.
func (b *builtIn) cancel(a *activation, stack []uint64, writable bool) error {
	e, err := b.end(a, uint32(stack[0]), writable)
	if err != nil {
		return err
	}
	start := clock()
	result, err := e.Cancel(b.own(a), b.Async)
	return b.blocked(a, start, result, err, stack)
}

func (b *builtIn) conduitDropReadable(a *activation, stack []uint64) error {
	return b.dropEnd(a, uint32(stack[0]), false)
}

func (b *builtIn) conduitDropWritable(a *activation, stack []uint64) error {
	return b.dropEnd(a, uint32(stack[0]), true)
}

// dropEnd is canon {stream,future}.drop-{readable,writable}.
func (b *builtIn) dropEnd(a *activation, h uint32, writable bool) error {
	if _, err := b.end(a, h, writable); err != nil {
		return err
	}
	object, err := b.in(a).table.Take(h, b.kind())
	if err != nil {
		return err
	}
	return object.(*task.End).Drop()
}

// maxBuffer is the most elements of one buffer (CanonicalABI.md §Buffer State, MAX_LENGTH).
const maxBuffer = 1<<28 - 1

// buffer is memory of a guest that a copy reads out of, or writes into.
type buffer struct {
	a            *activation
	b            *builtIn
	ptr          uint32
	used, length uint32
}

var (
	_ cm.Source = (*buffer)(nil)
	_ cm.Sink   = (*buffer)(nil)
)

// context is that of a copy. A store that is dead may have no memory any more, though a copy into it is still pending: a value that the
// host leaves then has nobody to take it.
func (u *buffer) context() (*canon.Context, error) {
	if u.a.store.dead != nil {
		return nil, u.a.store.deadTrap()
	}
	return u.a.store.context(u.a, u.b.Instance, &u.b.Options)
}

func (u *buffer) check() error {
	if u.length > maxBuffer {
		return cm.Trapf(cm.TrapTooLong, "stream read/write count too large: %d elements, at most %d", u.length, maxBuffer)
	}
	if u.b.elem == nil || u.length == 0 {
		return nil
	}
	cx, err := u.context()
	if err != nil {
		return err
	}
	return u.b.elem.Check(cx, u.ptr, u.length)
}

// Progress implements task.Progress.
func (u *buffer) Progress() int { return int(u.used) }

// Remain implements cm.Source and cm.Sink.
func (u *buffer) Remain() int { return int(u.length - u.used) }

// Empty implements cm.Source and cm.Sink.
func (u *buffer) Empty() bool { return u.length == 0 }

// Flat implements cm.Sink.
func (u *buffer) Flat() bool { return u.b.elem.Flat() }

// at is where the next element lies.
func (u *buffer) at() uint32 { return u.ptr + u.used*u.b.elem.Size() }

// Give implements cm.Source.
func (u *buffer) Give(n int, to cm.Sink) error {
	if u.b.elem == nil {
		u.used += uint32(n)
		return to.Put(n, nil, nil)
	}
	cx, err := u.context()
	if err != nil {
		return err
	}
	at := u.at()
	u.used += uint32(n)
	if u.b.elem.Flat() && to.Flat() {
		return to.Put(n, u.b.elem.Bytes(cx, at, uint32(n)), nil)
	}
	vals, err := u.b.elem.Load(cx, at, uint32(n))
	if err != nil {
		u.a.store.dropMoved(u.a)
		return err
	}
	return to.Put(n, nil, vals)
}

// Put implements cm.Sink.
func (u *buffer) Put(n int, flat []byte, vals []cm.Val) error {
	at := uint32(0)
	if u.b.elem != nil {
		at = u.at()
	}
	u.used += uint32(n)
	if u.b.elem == nil {
		return nil
	}
	cx, err := u.context()
	if err != nil {
		return err
	}
	if flat != nil {
		copy(u.b.elem.Bytes(cx, at, uint32(n)), flat)
		return nil
	}
	return u.b.elem.Store(cx, at, vals)
}

// LiftAsync takes a readable end out of the table, or reads an error context (CanonicalABI.md §Loading, lift_async_value,
// lift_error_context).
func (h *handles) LiftAsync(t *cm.Type, i uint32) (any, error) {
	if t.Kind == cm.KindErrorContext {
		return h.instance.table.Object(i, handle.ErrorContext)
	}
	kind := handle.StreamEnd
	if t.Kind == cm.KindFuture {
		kind = handle.FutureEnd
	}
	object, err := h.instance.table.Object(i, kind)
	if err != nil {
		return nil, err
	}
	e := object.(*task.End)
	if !cm.Equal(e.Elem, t.Elem) {
		return nil, cm.Trapf(cm.TrapHandleType, "handle index %d used with the wrong type: want %s, had one of %s", i, t, e.Elem)
	}
	if err := e.CanMove(); err != nil {
		return nil, err
	}
	if _, err = h.instance.table.Take(i, kind); err != nil {
		return nil, err
	}
	e.Conduit.Host(false, true) // until another store takes it
	return e.Conduit, nil
}

// LowerAsync adds a readable end, or an error context, to the table (lower_async_value, lower_error_context).
func (h *handles) LowerAsync(t *cm.Type, object any) (uint32, error) {
	if t.Kind == cm.KindErrorContext {
		return h.instance.table.Add(handle.Of(handle.ErrorContext, object))
	}
	c, ok := object.(*cm.Conduit)
	if !ok || c.Future != (t.Kind == cm.KindFuture) {
		return 0, cm.Trapf(cm.TrapHost, "host value is no %s", t)
	}
	if !c.Bind(&h.store.sched) {
		c = c.Bridge(&h.store.sched)
	}
	if c.Elem == nil {
		c.Elem = t.Elem
	}
	c.Host(false, false)
	kind := handle.StreamEnd
	if c.Future {
		kind = handle.FutureEnd
	}
	return h.instance.table.Add(handle.Of(kind, h.store.sched.NewEnd(c, t.Elem, false)))
}

// errorContextNew is canon error-context.new.
func (b *builtIn) errorContextNew(a *activation, stack []uint64) error {
	cx, err := a.store.context(a, b.Instance, &b.Options)
	if err != nil {
		return err
	}
	message, err := canon.LoadString(cx, uint32(stack[0]), uint32(stack[1]))
	if err != nil {
		return err
	}
	h, err := b.in(a).table.Add(handle.Of(handle.ErrorContext, message))
	stack[0] = uint64(h)
	return err
}

// errorContextMessage is canon error-context.debug-message.
func (b *builtIn) errorContextMessage(a *activation, stack []uint64) error {
	object, err := b.in(a).table.Object(uint32(stack[0]), handle.ErrorContext)
	if err != nil {
		return err
	}
	cx, err := a.store.context(a, b.Instance, &b.Options)
	if err != nil {
		return err
	}
	if err := canon.StoreString(cx, object.(string), uint32(stack[1])); err != nil {
		return err
	}
	return a.resume()
}

// errorContextDrop is canon error-context.drop.
func (b *builtIn) errorContextDrop(a *activation, stack []uint64) error {
	_, err := b.in(a).table.Take(uint32(stack[0]), handle.ErrorContext)
	return err
}
