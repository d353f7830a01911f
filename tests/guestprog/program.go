package guestprog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Program is a random program of one task, with what the model says of it.
type Program struct {
	Guest  *Guest
	Log    []uint32    // what it logs, up to its trap
	Trap   cm.TrapCode // empty: it ends well
	Result uint32
	Text   []string // its steps

	m     *Machine
	tape  []byte
	code  Code
	parts []Code // of the callback, one a call
	reads []*buffer
	bufs  uint32
}

// Addresses: an event is written at 40000, results of calls from 41000 on; buffers that are read from lie in the pattern, and
// those that are read into above it.
const (
	eventAt = 40000
	callsAt = 41000
	readsAt = 42000
)

func (p *Program) next() byte {
	if len(p.tape) == 0 {
		return 0
	}
	b := p.tape[0]
	p.tape = p.tape[1:]
	return b
}

func (p *Program) at(name string) int { return p.Guest.Index(name) }

// call adds a call of a built-in, whose result is logged.
func (p *Program) call(name string, logs bool, args ...uint32) {
	for _, a := range args {
		p.code = p.code.I32(int32(a))
	}
	p.code = p.code.Call(p.at(name))
	if logs {
		p.code = p.code.Call(FnLog)
	}
	p.Text = append(p.Text, fmt.Sprintf("%s%d", name, args))
}

// expect is what the call before logs, if it does not trap.
func (p *Program) expect(vs ...uint32) {
	if p.m.Trap == "" {
		p.Log = append(p.Log, vs...)
	}
}

// logMem logs a number in memory.
func (p *Program) logMem(at uint32) { p.code = p.code.Load(int32(at)).Call(FnLog) }

// handle picks a handle that is of a kind, most of the time.
func (p *Program) handle(is func(any) bool) uint32 {
	b := p.next()
	var fit []uint32
	for i, x := range p.m.table {
		if x != nil && is(x) {
			fit = append(fit, uint32(i+1))
		}
	}
	if len(fit) == 0 || b >= 253 {
		return uint32(b) % uint32(len(p.m.table)+2)
	}
	return fit[int(b)%len(fit)]
}

func isEnd(x any) bool     { _, ok := x.(*end); return ok }
func isSet(x any) bool     { _, ok := x.(*set); return ok }
func isSubtask(x any) bool { _, ok := x.(*subtask); return ok }
func canJoin(x any) bool   { return !isSet(x) }

// maxSteps bounds a program.
const maxSteps = 60

// Make makes a program of a tape, whatever that is.
func Make(tape []byte) *Program {
	p := &Program{Guest: &Guest{Built: All(), Callee: Callee()}, m: newMachine(), tape: tape}
	for range maxSteps {
		if len(p.tape) == 0 || p.m.Trap != "" {
			break
		}
		p.step()
	}
	if p.m.Trap == "" && !p.m.returned && p.next() < 240 {
		p.m.taskReturn(77)
		p.call("return", false, 77)
	}
	for _, b := range p.reads {
		p.logMem(b.ptr)
		m := p.m.mem[b.ptr:]
		p.expect(uint32(m[0]) | uint32(m[1])<<8 | uint32(m[2])<<16 | uint32(m[3])<<24)
	}
	p.code = p.code.I32(0)
	p.parts = append(p.parts, p.code)
	if p.m.Trap == "" && !p.m.returned {
		p.m.trap(cm.TrapNoResult)
	}
	p.Trap, p.Result = p.m.Trap, p.m.result
	// Context slot 1 is not the program's: it counts the parts that have run.
	cb := Code{}
	for i, part := range p.parts[1:] {
		cb = cb.Call(p.at("part-get")).I32(int32(i+1)).Op(Eq, If, Void)
		cb = cb.Get(0).Call(FnLog).Get(1).Call(FnLog).Get(2).Call(FnLog)
		cb = append(cb, part...).Op(Return, End)
	}
	cb = cb.Op(Unreachable)
	p.Guest.Funcs = []Func{{Name: "run", Code: p.parts[0], Callback: cb}}
	return p
}

func (p *Program) String() string {
	return fmt.Sprintf("%s\nlogs %#x, gives %d, trap %q", strings.Join(p.Text, "\n"), p.Log, p.Result, p.Trap)
}

// needs says which kinds of handles there have to be for a step, that it be no trap at once.
func needs(op byte) []func(any) bool {
	switch op % 24 {
	case 2, 3, 4, 5, 6, 7, 8, 9:
		return []func(any) bool{isEnd}
	case 11, 12:
		return []func(any) bool{canJoin, isSet}
	case 13, 14, 16:
		return []func(any) bool{isSet}
	case 15:
		if op <= 120 {
			return []func(any) bool{isSet}
		}
	case 22, 23:
		return []func(any) bool{isSubtask}
	}
	return nil
}

func (p *Program) has(is func(any) bool) bool {
	return slices.ContainsFunc(p.m.table, func(x any) bool { return x != nil && is(x) })
}

func (p *Program) step() {
	m := p.m
	op := p.next()
	for _, is := range needs(op) {
		if !p.has(is) && p.next() < 252 {
			return
		}
	}
	switch op % 24 {
	case 0, 1:
		typ := []byte{0, 0, 0, 1, 1, 3, 3, 2}[p.next()%8]
		r, w := m.newConduit(typ)
		p.code = p.code.Call(p.at(fmt.Sprintf("new:%d", typ))).Op(Wrap).Call(FnLog)
		p.Text = append(p.Text, fmt.Sprintf("new:%d -> %d, %d", typ, r, w))
		p.expect(r)
	case 2, 3, 4, 5, 6, 7:
		p.copy(op >= 250)
	case 8:
		e, h, writable := p.end()
		if en, ok := p.object(h).(*end); ok && op < 240 && en.state != "copying" {
			return
		}
		name := map[bool]string{true: "cancel-write", false: "cancel-read"}[writable]
		p.call(fmt.Sprintf("%s:%d", name, e), true, h)
		p.expect(m.cancelCopy(h, e, writable))
	case 9:
		e, h, writable := p.end()
		if en, ok := p.object(h).(*end); ok && op < 245 && (en.state == "copying" || en.of.future() && en.writable && en.state != "done") {
			return // most programs do not trap here
		}
		name := map[bool]string{true: "drop-writable", false: "drop-readable"}[writable]
		p.call(fmt.Sprintf("%s:%d", name, e), false, h)
		m.dropEnd(h, e, writable)
	case 10:
		p.call("set-new", true)
		p.expect(m.newSet())
	case 11, 12:
		h, s := p.handle(canJoin), p.handle(isSet)
		if op >= 220 {
			s = 0
		}
		p.call("join", false, h, s)
		m.join(h, s)
	case 13:
		p.tell("poll", p.handle(isSet))
	case 14:
		p.tell("wait", p.handle(isSet))
	case 15:
		p.leave(op)
	case 16:
		h := p.handle(isSet)
		if s, ok := p.object(h).(*set); ok && len(s.members) > 0 && op < 240 {
			return
		}
		p.call("set-drop", false, h)
		m.dropSet(h)
	case 17:
		p.call("ctx-set", false, uint32(op))
		p.call("ctx-get", true)
		m.slot = uint32(op)
		p.expect(m.slot)
	case 18:
		if op%48 == 18 {
			p.call("bp-inc", false)
			m.backpressure(1)
		} else if m.pressure > 0 || op > 240 {
			p.call("bp-dec", false)
			m.backpressure(-1)
		}
	case 19:
		if op < 200 || m.returned && op < 240 {
			return
		}
		p.call("return", false, uint32(op))
		m.taskReturn(uint32(op))
	case 20:
		if op > 240 {
			p.call("task-cancel", false)
			m.trap(cm.TrapTaskResolved)
			return
		}
		p.call("yield", true)
		m.yield()
		p.expect(0)
	case 21:
		p.callee()
	case 22:
		h := p.handle(isSubtask)
		name := "sub-cancel"
		if op > 120 {
			name += "-sync"
		}
		if s, ok := p.object(h).(*subtask); ok && (s.delivered || s.requested || s.set != nil && op > 120) && op < 245 {
			return
		}
		p.call(name, true, h)
		p.expect(m.cancelCall(h, op <= 120))
	case 23:
		h := p.handle(isSubtask)
		if s, ok := p.object(h).(*subtask); ok && !s.delivered && op < 245 {
			return
		}
		p.call("sub-drop", false, h)
		m.dropCall(h)
	}
}

func (p *Program) object(h uint32) any {
	if h == 0 || int(h) > len(p.m.table) {
		return nil
	}
	return p.m.table[h-1]
}

// end picks an end, and the built-in's type and side, which are the end's, most of the time.
func (p *Program) end() (typ byte, h uint32, writable bool) {
	h = p.handle(isEnd)
	if e, ok := p.object(h).(*end); ok {
		typ, writable = e.of.typ, e.writable
	}
	switch b := p.next(); {
	case b >= 252:
		typ = (typ + 1) % 4
	case b >= 248:
		writable = !writable
	}
	return typ, h, writable
}

func (p *Program) copy(sync bool) {
	typ, h, writable := p.end()
	e, ok := p.object(h).(*end)
	if ok && e.state != "idle" && p.next() < 250 {
		return
	}
	n := uint32(p.next() % 6)
	p.bufs++
	ptr := p.bufs * 64
	if !writable {
		ptr += readsAt
	}
	if sync && ok && (p.m.returned || p.next() < 240) && (e.of.pending == nil || e.of.pending == e) && !e.of.dropped {
		return // it would block, and nobody would call that a deadlock
	}
	name := map[bool]string{true: "write", false: "read"}[writable]
	if sync {
		name += "-sync"
	}
	args := []uint32{h, ptr, n}
	if typ == FutureU32 {
		args = args[:2]
	}
	p.call(fmt.Sprintf("%s:%d", name, typ), true, args...)
	p.expect(p.m.copy(h, typ, writable, !sync, ptr, n))
	if !writable {
		p.reads = append(p.reads, &buffer{ptr: ptr})
	}
}

// tell is waitable-set.poll or wait.
func (p *Program) tell(how string, h uint32) {
	m := p.m
	s, ok := p.object(h).(*set)
	if !ok {
		p.call(how, true, h, eventAt)
		m.set(h)
		return
	}
	if how == "wait" && !p.comes(s) {
		return
	}
	ev, ok := p.event(s, how == "wait")
	if !ok {
		return
	}
	p.call(how, true, h, eventAt)
	p.logMem(eventAt)
	p.logMem(eventAt + 4)
	p.expect(ev[:]...)
}

// comes says that waiting for a set has an end: an event, or a trap that the model foresees.
func (p *Program) comes(s *set) bool {
	if len(p.m.pending(s)) > 0 || !p.m.returned && p.next() >= 250 {
		return true
	}
	for _, c := range p.m.ready {
		if c.set == s && !c.resolved() {
			return true
		}
	}
	return false
}

// event is what a set tells of; ok is false if it could be one of several.
func (p *Program) event(s *set, waits bool) (ev [3]uint32, ok bool) {
	m := p.m
	pending := m.pending(s)
	if len(pending) > 1 {
		return ev, false
	}
	if waits {
		coming := 0
		for _, c := range m.ready {
			if c.set == s && !c.resolved() {
				coming++
			}
		}
		if len(pending)+coming > 1 {
			return ev, false
		}
		if !m.until(func() bool { return len(m.pending(s)) > 0 }) {
			m.trap(cm.TrapDeadlock)
			return ev, true
		}
	}
	for h, w := range m.pending(s) {
		code, payload := m.take(w)
		return [3]uint32{code, h, payload}, true
	}
	return ev, true
}

// leave has the program go on in its callback.
func (p *Program) leave(op byte) {
	m := p.m
	if len(p.parts) >= 4 {
		return
	}
	end := func(packed uint32) {
		p.code = p.code.I32(int32(len(p.parts) + 1)).Call(p.at("part-set")).I32(int32(packed))
		p.parts = append(p.parts, p.code)
		p.code = nil
		p.Text = append(p.Text, fmt.Sprintf("leave with %#x", packed))
	}
	switch {
	case op > 245:
		end(uint32(op)&0xf0 | 7)
		m.trap(cm.TrapCallback)
	case op > 120:
		m.yield()
		end(1)
		p.expect(0, 0, 0)
	default:
		h := p.handle(isSet)
		s, ok := p.object(h).(*set)
		if !ok {
			end(h<<4 | 2)
			m.set(h)
			return
		}
		if !p.comes(s) {
			return
		}
		ev, ok := p.event(s, true)
		if !ok {
			return
		}
		end(h<<4 | 2)
		p.expect(ev[:]...)
	}
}

func (p *Program) callee() {
	b := p.next()
	behaviour := uint32(b) % (NeverReturns)
	if b >= 250 {
		behaviour = uint32(b) % numBehaviours
	}
	p.bufs++
	ret := callsAt + 8*p.bufs
	p.code = p.code.I32(int32(behaviour)).I32(int32(ret)).Call(FnCallee).Call(FnLog)
	p.Text = append(p.Text, fmt.Sprintf("call %d, result at %d", behaviour, ret))
	p.expect(p.m.call(behaviour, ret))
	if p.m.Trap == "" {
		p.reads = append(p.reads, &buffer{ptr: ret})
	}
}
