package guestprog

import (
	"encoding/binary"

	"github.com/vitrine-wasm/vitrine/cm"
)

// What follows is the specification's state of one component instance with one task, and of the tasks of its callee, as
// CanonicalABI.md has it: §Table State, §Waitable State, §Subtask State, §Stream State, §Future State and the built-ins of §canon.

// Blocked is what built-ins give that have nothing to tell yet.
const Blocked = 0xffff_ffff

// buffer is a part of memory.
type buffer struct{ ptr, n, progress uint32 }

func (b *buffer) remain() uint32 { return b.n - b.progress }

// waitable is what can be in a set.
type waitable struct {
	event func() (code, payload uint32) // nil: none
	set   *set
}

type set struct{ members map[*waitable]bool }

func (w *waitable) join(s *set) {
	if w.set != nil {
		delete(w.set.members, w)
	}
	if w.set = s; s != nil {
		s.members[w] = true
	}
}

// end is an end of a stream or future.
type end struct {
	waitable
	handle   uint32
	of       *conduit
	writable bool
	state    string // idle, copying, cancelling, done
	buf      *buffer
	result   uint32 // of the event
}

// conduit is what two ends share.
type conduit struct {
	typ     byte
	dropped bool
	pending *end
	reclaim bool // delivering the pending end's event takes its buffer back
}

func (c *conduit) future() bool { return c.typ == FutureU32 }

var elemSize = [...]uint32{StreamU8: 1, StreamNone: 0, StreamString: 8, FutureU32: 4}

// subtask is a call of the callee.
type subtask struct {
	waitable
	handle    uint32
	behaviour uint32
	state     uint32 // 1 started, 2 returned, 4 cancelled before it returned
	ret       uint32 // where the result goes
	requested bool
	delivered bool
}

func (s *subtask) resolved() bool { return s.state >= 2 }

// Machine is the model.
type Machine struct {
	mem   []byte
	table []any // *end, *set, *subtask; nil: free. Handle 1 is the first.
	free  []uint32
	ready []*subtask // callees that can go on, in order
	// Trap is what ends the program; empty: nothing has.
	Trap     cm.TrapCode
	returned bool
	result   uint32
	pressure int
	slot     uint32
}

func newMachine() *Machine {
	m := &Machine{mem: make([]byte, 65536)}
	copy(m.mem, pattern())
	return m
}

func (m *Machine) trap(code cm.TrapCode) uint32 {
	if m.Trap == "" {
		m.Trap = code
	}
	return 0
}

func (m *Machine) add(x any) uint32 {
	if n := len(m.free); n > 0 {
		h := m.free[n-1]
		m.free = m.free[:n-1]
		m.table[h-1] = x
		return h
	}
	m.table = append(m.table, x)
	return uint32(len(m.table))
}

func (m *Machine) remove(h uint32) {
	m.table[h-1] = nil
	m.free = append(m.free, h)
}

// get finds what a handle is; want says whether it is of the right kind.
func (m *Machine) get(h uint32, want func(any) bool) any {
	if h == 0 || uint64(h) > uint64(len(m.table)) || m.table[h-1] == nil {
		m.trap(cm.TrapBadHandle)
		return nil
	}
	x := m.table[h-1]
	if !want(x) {
		m.trap(cm.TrapHandleType)
		return nil
	}
	return x
}

func (m *Machine) newConduit(typ byte) (r, w uint32) {
	c := &conduit{typ: typ}
	re, we := &end{of: c, state: "idle"}, &end{of: c, state: "idle", writable: true}
	re.handle = m.add(re)
	we.handle = m.add(we)
	return re.handle, we.handle
}

func (m *Machine) end(h uint32, typ byte, writable bool) *end {
	e, _ := m.get(h, func(x any) bool {
		e, ok := x.(*end)
		return ok && e.of.typ == typ && e.writable == writable
	}).(*end)
	return e
}

// copy is read and write. blocks: the asynchronous form.
func (m *Machine) copy(h uint32, typ byte, writable, async bool, ptr, n uint32) uint32 {
	e := m.end(h, typ, writable)
	switch {
	case e == nil:
		return 0
	case e.state != "idle", !async && e.set != nil:
		if e.state == "idle" {
			return m.trap(cm.TrapWaitable)
		}
		return m.trap(cm.TrapStream)
	}
	c := e.of
	if c.future() {
		n = 1
	}
	e.state, e.buf = "copying", &buffer{ptr: ptr, n: n}
	switch p := c.pending; {
	case c.dropped:
		m.done(e, 1)
	case p == nil:
		c.pending, c.reclaim = e, false
	case typ == StreamString: // both are in one component instance
		return m.trap(cm.TrapStream)
	case c.future():
		m.move(e, p, 1)
		c.pending = nil
		m.done(p, 0)
		m.done(e, 0)
	case p.buf.remain() > 0:
		if k := min(p.buf.remain(), e.buf.remain()); k > 0 {
			m.move(e, p, k)
			c.reclaim = true
			m.done(p, 0)
		}
		m.done(e, 0)
	case writable && n == 0 && p.buf.n == 0:
		m.done(e, 0)
	default:
		c.pending, c.reclaim = e, false
		m.done(p, 0)
	}
	return m.finish(&e.waitable, async)
}

func (m *Machine) move(e, p *end, n uint32) {
	from, to := e, p
	if p.writable {
		from, to = p, e
	}
	size := elemSize[e.of.typ]
	copy(m.mem[to.buf.ptr+to.buf.progress*size:][:n*size], m.mem[from.buf.ptr+from.buf.progress*size:])
	from.buf.progress += n
	to.buf.progress += n
}

// done has an end told how its copy has ended.
func (m *Machine) done(e *end, result uint32) {
	e.result = result
	e.event = func() (uint32, uint32) {
		c := e.of
		if c.pending == e && c.reclaim {
			c.pending = nil
		}
		e.state = "idle"
		if e.result == 1 || c.future() && e.result == 0 {
			e.state = "done"
		}
		code := uint32(2)
		if e.writable {
			code++
		}
		if c.future() {
			return code + 2, e.result
		}
		return code, e.result | e.buf.progress<<4
	}
}

// finish is what a built-in gives that has begun something.
func (m *Machine) finish(w *waitable, async bool) uint32 {
	if w.event == nil && async {
		return Blocked
	}
	if w.event == nil && !m.until(func() bool { return w.event != nil }) {
		return m.trap(cm.TrapDeadlock)
	}
	_, payload := m.take(w)
	return payload
}

func (m *Machine) take(w *waitable) (code, payload uint32) {
	f := w.event
	w.event = nil
	return f()
}

func (m *Machine) cancelCopy(h uint32, typ byte, writable bool) uint32 {
	e := m.end(h, typ, writable)
	switch {
	case e == nil:
		return 0
	case e.state != "copying":
		return m.trap(cm.TrapStream)
	}
	e.state = "cancelling"
	switch {
	case e.event == nil:
		e.of.pending = nil
		m.done(e, 2)
	case !e.of.future() && e.result == 0:
		e.result = 2
	}
	return m.finish(&e.waitable, true)
}

func (m *Machine) dropEnd(h uint32, typ byte, writable bool) {
	e := m.end(h, typ, writable)
	switch {
	case e == nil:
		return
	case e.state == "copying", e.of.future() && writable && e.state != "done":
		m.trap(cm.TrapStream)
		return
	}
	m.remove(h)
	e.join(nil)
	c := e.of
	if !c.dropped {
		c.dropped = true
		if p := c.pending; p != nil {
			c.pending = nil
			m.done(p, 1)
		}
	}
}

func (m *Machine) set(h uint32) *set {
	s, _ := m.get(h, func(x any) bool { _, ok := x.(*set); return ok }).(*set)
	return s
}

func (m *Machine) newSet() uint32 { return m.add(&set{members: map[*waitable]bool{}}) }

func (m *Machine) dropSet(h uint32) {
	if s := m.set(h); s != nil && len(s.members) > 0 {
		m.trap(cm.TrapWaitable)
	} else if s != nil {
		m.remove(h)
	}
}

func (m *Machine) waitable(h uint32) *waitable {
	switch x := m.get(h, func(x any) bool { _, set := x.(*set); return !set }).(type) {
	case *end:
		return &x.waitable
	case *subtask:
		return &x.waitable
	}
	return nil
}

func (m *Machine) join(h, s uint32) {
	w := m.waitable(h)
	if w == nil {
		return
	}
	if s == 0 {
		w.join(nil)
	} else if to := m.set(s); to != nil {
		w.join(to)
	}
}

// pending is what a set could tell of, by handle: each may be the one that it does.
func (m *Machine) pending(s *set) map[uint32]*waitable {
	out := map[uint32]*waitable{}
	for i, x := range m.table {
		switch x := x.(type) {
		case *end:
			if x.set == s && x.event != nil {
				out[uint32(i+1)] = &x.waitable
			}
		case *subtask:
			if x.set == s && x.event != nil {
				out[uint32(i+1)] = &x.waitable
			}
		}
	}
	return out
}

// call is a call of the callee by the asynchronous ABI.
func (m *Machine) call(behaviour, ret uint32) uint32 {
	s := &subtask{behaviour: behaviour, ret: ret, state: 1}
	switch behaviour {
	case Returns, WorksOn:
		m.resolve(s, 2)
		s.delivered = true
		if behaviour == WorksOn {
			m.ready = append(m.ready, s)
		}
		return 2
	case Yields, Ignores:
		m.ready = append(m.ready, s)
	case NeverReturns:
		return m.trap(cm.TrapNoResult)
	case Nonsense:
		return m.trap(cm.TrapCallback)
	}
	s.handle = m.add(s)
	return s.state | s.handle<<4
}

// resolve is the callee's end as its caller sees it.
func (m *Machine) resolve(s *subtask, state uint32) {
	if state == 2 {
		binary.LittleEndian.PutUint32(m.mem[s.ret:], 100+s.behaviour)
	}
	s.state = state
	if s.handle != 0 {
		s.event = func() (uint32, uint32) {
			s.delivered = true
			return 1, s.state
		}
	}
}

// next has the first callee go on that can.
func (m *Machine) next() {
	s := m.ready[0]
	m.ready = m.ready[1:]
	if s.behaviour != WorksOn && !s.resolved() {
		m.resolve(s, 2)
	}
}

// yield has everybody go on who could when it was called.
func (m *Machine) yield() {
	for range len(m.ready) {
		m.next()
	}
}

// until has others go on until something is so; false if it never will be.
func (m *Machine) until(is func() bool) bool {
	if is() && len(m.ready) == 0 {
		return true
	}
	for len(m.ready) > 0 {
		m.yield()
		if is() {
			return true
		}
	}
	return is()
}

func (m *Machine) cancelCall(h uint32, async bool) uint32 {
	s, _ := m.get(h, func(x any) bool { _, ok := x.(*subtask); return ok }).(*subtask)
	switch {
	case s == nil:
		return 0
	case s.delivered, s.requested:
		return m.trap(cm.TrapSubtask)
	case !async && s.set != nil:
		return m.trap(cm.TrapWaitable)
	}
	if !s.resolved() {
		s.requested = true
		if s.behaviour != Ignores {
			m.ready = without(m.ready, s)
			m.resolve(s, 4)
		} else { // it runs after the others that are ready
			m.ready = append(without(m.ready, s), s)
		}
	}
	return m.finish(&s.waitable, async)
}

func without(list []*subtask, s *subtask) (out []*subtask) {
	for _, x := range list {
		if x != s {
			out = append(out, x)
		}
	}
	return out
}

func (m *Machine) dropCall(h uint32) {
	s, _ := m.get(h, func(x any) bool { _, ok := x.(*subtask); return ok }).(*subtask)
	switch {
	case s == nil:
	case !s.delivered:
		m.trap(cm.TrapSubtask)
	default:
		m.remove(h)
		s.join(nil)
	}
}

func (m *Machine) backpressure(by int) {
	if m.pressure += by; m.pressure < 0 {
		m.trap(cm.TrapBackpressure)
	}
}

func (m *Machine) taskReturn(v uint32) {
	if m.returned {
		m.trap(cm.TrapTaskResolved)
		return
	}
	m.returned, m.result = true, v
}
