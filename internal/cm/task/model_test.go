package task

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// What follows is the specification of streams, futures and waitable sets as its text has it, with queues of numbers in the
// place of memory: CanonicalABI.md §Stream State, §Future State, §Waitable State. Random operations are done to it and to
// what this package has, and have to give the same.

// modelBuf is a buffer of the model's: what a write has to give, or a read has taken.
type modelBuf struct {
	data     []int // of a write
	got      []int // of a read
	n        int
	progress int
}

func (b *modelBuf) remain() int { return b.n - b.progress }

// modelEnd is an end as the text has it.
type modelEnd struct {
	state   string // idle, copying, done
	dropped bool
	event   *modelEvent
	buf     *modelBuf
	set     int // 0: none
}

type modelEvent struct {
	result  uint32
	reclaim bool
}

// modelShared is what two ends share.
type modelShared struct {
	future  bool
	r, w    modelEnd
	dropped bool
	pending *modelEnd // whose buffer waits
}

func (s *modelShared) end(writable bool) *modelEnd {
	if writable {
		return &s.w
	}
	return &s.r
}

func (s *modelShared) notifyPending(result uint32) {
	p := s.pending
	s.pending = nil
	p.event = &modelEvent{result: result}
}

// copy is read or write.
func (s *modelShared) copy(writable bool, b *modelBuf) {
	e := s.end(writable)
	e.state, e.buf = "copying", b
	switch other := s.pending; {
	case s.dropped:
		e.event = &modelEvent{result: 1}
	case other == nil:
		s.pending = e
	case s.future:
		s.move(e, other, writable, 1)
		s.notifyPending(0)
		e.event = &modelEvent{result: 0}
	case other.buf.remain() > 0:
		if n := min(b.remain(), other.buf.remain()); n > 0 {
			s.move(e, other, writable, n)
			other.event = &modelEvent{reclaim: true}
		}
		e.event = &modelEvent{}
	case writable && b.n == 0 && other.buf.n == 0:
		e.event = &modelEvent{}
	default:
		s.notifyPending(0)
		s.pending = e
	}
}

func (s *modelShared) move(e, other *modelEnd, writable bool, n int) {
	from, to := other.buf, e.buf
	if writable {
		from, to = e.buf, other.buf
	}
	to.got = append(to.got, from.data[from.progress:from.progress+n]...)
	from.progress += n
	to.progress += n
}

// take delivers the event of an end: its code, or -1 if there is none.
func (s *modelShared) take(writable bool) int64 {
	e := s.end(writable)
	if e.event == nil {
		return -1
	}
	ev := e.event
	e.event = nil
	if ev.reclaim {
		s.pending = nil
	}
	e.state = "idle"
	if ev.result == 1 || s.future && ev.result == 0 {
		e.state = "done"
	}
	if s.future {
		return int64(ev.result)
	}
	return int64(ev.result) | int64(e.buf.progress)<<4
}

// cancel is cancel-read or cancel-write.
func (s *modelShared) cancel(writable bool) {
	e := s.end(writable)
	switch {
	case e.event == nil:
		s.notifyPending(2)
	case !s.future && e.event.result == 0:
		e.event.result = 2
	}
}

func (s *modelShared) drop(writable bool) {
	s.end(writable).dropped = true
	if s.dropped {
		return
	}
	s.dropped = true
	if s.pending != nil {
		s.notifyPending(1)
	}
}

// realBuf is the same buffer as the package has it.
type realBuf struct {
	data, got []int
	n, used   int
}

func (b *realBuf) Remain() int   { return b.n - b.used }
func (b *realBuf) Empty() bool   { return b.n == 0 }
func (b *realBuf) Flat() bool    { return false }
func (b *realBuf) Progress() int { return b.used }

func (b *realBuf) Give(n int, to cm.Sink) error {
	vals := make([]cm.Val, n)
	for i, x := range b.data[b.used : b.used+n] {
		vals[i] = cm.U32Val(uint32(x))
	}
	b.used += n
	return to.Put(n, nil, vals)
}

func (b *realBuf) Put(n int, _ []byte, vals []cm.Val) error {
	for _, v := range vals {
		b.got = append(b.got, int(v.U32()))
	}
	b.used += n
	return nil
}

// pair is one stream or future, in both.
type pair struct {
	model modelShared
	ends  [2]*End // readable, writable
	bufs  [2]*realBuf
}

// world is all that a run has.
type world struct {
	t     testing.TB
	sched Sched
	entry Entry
	pairs []*pair
	sets  [2]WaitableSet
	next  int
	log   []string
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	for _, l := range w.log {
		w.t.Log(l)
	}
	w.t.Fatalf(format, args...)
}

// step does one operation to both.
func (w *world) step(op, which, size int) {
	if len(w.pairs) == 0 || op == 0 && len(w.pairs) < 6 {
		c := cm.NewConduit(cm.TypeU32, which%3 == 0)
		w.pairs = append(w.pairs, &pair{model: modelShared{future: c.Future, r: modelEnd{state: "idle"}, w: modelEnd{state: "idle"}},
			ends: [2]*End{w.sched.NewEnd(c, nil, false), w.sched.NewEnd(c, nil, true)}})
		return
	}
	p := w.pairs[which%len(w.pairs)]
	side := size % 2
	writable := side == 1
	m, e := p.model.end(writable), p.ends[side]
	if m.dropped {
		return
	}
	w.log = append(w.log, fmt.Sprintf("op %d of %d, writable %t, size %d; future %t, %s", op, which%len(w.pairs), writable, size, p.model.future, m.state))
	switch op {
	case 1, 2, 3: // read or write
		if err := e.CanBegin(true); (err == nil) != (m.state == "idle") {
			w.failf("begin: %v in state %s", err, m.state)
		}
		if m.state == "idle" {
			w.copy(p, side, size/2%5)
		}
	case 4: // cancel
		copying := m.state == "copying"
		code, err := e.Cancel(nil, true)
		if (err == nil) != copying {
			w.failf("cancel: %v in state %s", err, m.state)
		}
		if copying {
			p.model.cancel(writable)
			w.same(int64(int32(code)), p.model.take(writable), p, side)
		}
	case 5: // drop
		can := m.state != "copying" && (!p.model.future || !writable || m.state == "done")
		if err := e.Drop(); (err == nil) != can {
			w.failf("drop: %v in state %s", err, m.state)
		}
		if can {
			p.model.drop(writable)
		}
	case 6: // into a set, or out of it
		m.set = size / 2 % 3
		if m.set == 0 {
			e.Join(nil)
		} else {
			e.Join(&w.sets[m.set-1])
		}
	case 7: // poll a set: any end in it that has an event
		w.poll(size / 2 % 2)
	}
}

func (w *world) copy(p *pair, side, n int) {
	if p.model.future {
		n = 1
	}
	mb, rb := &modelBuf{n: n}, &realBuf{n: n}
	for range n {
		w.next++
		mb.data = append(mb.data, w.next)
	}
	rb.data = mb.data
	p.bufs[side] = rb
	writable := side == 1
	p.model.copy(writable, mb)
	var err error
	if writable {
		err = p.ends[side].Write(&w.entry, 9, rb, rb)
	} else {
		err = p.ends[side].Read(&w.entry, 9, rb, rb)
	}
	if err != nil {
		w.failf("copy: %v", err)
	}
	code, err := p.ends[side].Finish(nil, true)
	if err != nil {
		w.failf("copy: %v", err)
	}
	w.same(int64(int32(code)), p.model.take(writable), p, side)
}

func (w *world) poll(n int) {
	ev := w.sets[n].Poll(nil, false)
	any := false
	for _, p := range w.pairs {
		for side := range 2 {
			m := p.model.end(side == 1)
			if m.set != n+1 || m.event == nil || m.dropped {
				continue
			}
			any = true
			if ev.Code != EventNone && !p.ends[side].HasEvent() {
				w.same(int64(ev.Payload), p.model.take(side == 1), p, side)
				return
			}
		}
	}
	if any || ev.Code != EventNone {
		w.failf("poll gave %+v; the model has an event: %t", ev, any)
	}
}

// same compares what a built-in gives, and what is in the buffers.
func (w *world) same(had, want int64, p *pair, side int) {
	w.t.Helper()
	if had != want {
		w.failf("had %#x, want %#x", had, want)
	}
	m := p.model.end(side == 1)
	if m.buf != nil && side == 0 && fmt.Sprint(m.buf.got) != fmt.Sprint(p.bufs[side].got) {
		w.failf("read %v, want %v", p.bufs[side].got, m.buf.got)
	}
}

func runModel(t testing.TB, ops []byte) {
	w := &world{t: t}
	w.sched.TryEnter()
	for ; len(ops) >= 3; ops = ops[3:] {
		w.step(int(ops[0]%8), int(ops[1]), int(ops[2]))
	}
	for n := range 2 { // what is left to tell is told in the end, too
		for range 20 {
			w.poll(n)
		}
	}
}

// TestModel does random operations to the specification's text and to this package.
func TestModel(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 300)
		for i := range ops {
			ops[i] = byte(r.UintN(256))
		}
		runModel(t, ops)
	}
}

// FuzzModel is TestModel for any operations.
func FuzzModel(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0, 8, 1, 0, 5})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 3000 {
			return
		}
		runModel(t, ops)
	})
}
