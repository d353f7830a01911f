package cm

import (
	"context"
	"sync"
	"sync/atomic"
)

// CopyResult is how a copy into or out of a stream or future has ended (CanonicalABI.md §Stream State).
type CopyResult uint32

// The results.
const (
	CopyCompleted CopyResult = iota
	CopyDropped              // the other end is gone
	CopyCancelled
)

// Conduit is what the two ends of a stream or future share: a rendezvous without a buffer. It is for the engine: hosts
// use a [StreamReader], [StreamWriter], [FutureReader] or [FutureWriter]. A Val of a stream or future type holds a
// *Conduit and means its readable end.
//
// Once one of its ends is in a store, the store's [Guard] guards it. Until then both ends are the host's, and its own lock guards it.
type Conduit struct {
	Elem   *Type // nil: elements of no type
	Future bool

	guard   atomic.Pointer[guarded] // nil, or bound
	bound   guarded
	mu      sync.Mutex
	lower   any // func(T) Val or func(T) (Val, error) of a host's writer, once the readable end is not the host's
	dropped bool
	pending struct {
		at   any // the component instance; nil: the host
		src  Source
		sink Sink
		by   Party
	}
	hosted [2]bool // the host has the readable, and the writable end
	gone   func()  // called at the first drop; nil: nothing is
	items  atomic.Int64
	offer  atomic.Pointer[offer] // changed in the store; nil: there is a writer
	ready  atomic.Bool           // a read would end at once
}

type guarded struct{ Guard }

// Guard lets one goroutine at a time into a store.
type Guard interface {
	// Post has j run in the store as soon as no other goroutine is in it, on this goroutine or on another one.
	Post(j Job)
	// Hosted changes the number of ends that the host has: while there are any, a guest that waits may still go on. It is called in the store.
	Hosted(by int)
	// Watch has f called in the store if the store dies, until Unwatch. Both are called in the store; the error says that the store
	// is dead already.
	Watch(key any, f func(error)) error
	Unwatch(key any)
	// Dead is why the store is dead; nil if it is not. It is called in the store.
	Dead() error
	// Fail ends the store with a *Trap that was raised outside guest code. It is called in the store.
	Fail(err error)
}

// Job is what a [Guard] runs in its store.
type Job interface{ Run() }

// JobFunc is a function as a Job.
type JobFunc func()

// Run implements Job.
func (f JobFunc) Run() { f() }

// Party is the side that began a copy. Its methods are called in the store.
type Party interface {
	// Copied says that a part of the buffer has been used, and that more of it may be used until the party calls [Conduit.Reclaim].
	Copied()
	// Done says that the copy has ended: the buffer is the party's again.
	Done(CopyResult)
}

// Source is a buffer that elements are read out of: memory of a guest, or a slice of the host's.
type Source interface {
	Remain() int // elements that are left
	Empty() bool // it had no elements at the beginning
	// Give copies n elements, at most Remain, into to.
	Give(n int, to Sink) error
}

// Sink is a buffer that elements are written into.
type Sink interface {
	Remain() int
	Empty() bool
	// Flat says that Put takes numbers as bytes, in memory layout.
	Flat() bool
	// Put takes n elements, at most Remain: as bytes, as values, or, for elements of no type, with both nil. It does not retain them.
	Put(n int, flat []byte, vals []Val) error
}

// NewConduit makes a conduit. Both ends are the caller's.
func NewConduit(elem *Type, future bool) *Conduit { return &Conduit{Elem: elem, Future: future} }

// Bind says that one of its ends is in the store of g. If it is in another store already, it stays there and ok is false.
func (c *Conduit) Bind(g Guard) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.guard.Load(); have != nil {
		return have.Guard == g
	}
	c.bound.Guard = g
	c.guard.Store(&c.bound)
	for _, hosted := range c.hosted {
		if hosted {
			g.Hosted(1)
		}
	}
	if h, ok := c.pending.by.(*hostEnd); ok { // a copy that began before
		if err := g.Watch(h, h.kill); err != nil {
			h.kill(err)
		}
	}
	return true
}

// do runs j in the store, or under the conduit's own lock.
func (c *Conduit) do(j Job) {
	if !c.own(j.Run) {
		c.guard.Load().Post(j)
	}
}

// own runs f under the conduit's own lock, unless one of its ends is in a store.
func (c *Conduit) own(f func()) bool {
	if c.guard.Load() != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.guard.Load() != nil {
		return false
	}
	f()
	return true
}

// lowerWith sets what lowers the elements of a host's writer, unless that is set.
func (c *Conduit) lowerWith(lower any) {
	if !c.own(func() { c.setLower(lower) }) {
		c.guard.Load().Post(JobFunc(func() { c.setLower(lower) }))
	}
}

func (c *Conduit) setLower(lower any) {
	if c.lower == nil {
		c.lower = lower
	}
}

// Host says whether the host has the readable (or writable) end. It is called in the store. An end on its way to a guest is the host's.
func (c *Conduit) Host(writable, has bool) {
	at := 0
	if writable {
		at = 1
	}
	if c.hosted[at] == has {
		return
	}
	c.hosted[at] = has
	if g := c.guard.Load(); g != nil {
		if has {
			g.Hosted(1)
		} else {
			g.Hosted(-1)
		}
	}
}

// Items is how many elements have gone through it.
func (c *Conduit) Items() int64 { return c.items.Load() }

// Plain says whether elements have no type or are numbers: then both ends may be in one component instance.
func (c *Conduit) Plain() bool { return c.Elem == nil || c.Elem.IsNumber() }

// Read begins a copy out of it (CanonicalABI.md §Stream State, read; §Future State). at is the component instance whose end
// is read; nil for the host. An error is a *Trap.
func (c *Conduit) Read(at any, into Sink, by Party) error {
	p := &c.pending
	switch {
	case c.dropped:
		by.Done(CopyDropped)
		return nil
	case p.by == nil:
		p.at, p.sink, p.by = at, into, by
		if o := c.accept(); o != nil {
			o.told.Write()
		}
		return nil
	case at != nil && at == p.at && !c.Plain():
		return errSameInstance()
	case p.src.Remain() == 0 && !c.Future:
		c.finish(CopyCompleted)
		p.at, p.sink, p.by = at, into, by
		return nil
	}
	if n := min(p.src.Remain(), into.Remain()); n > 0 {
		if err := c.move(n, p.src, into); err != nil {
			return err
		}
	}
	by.Done(CopyCompleted)
	return nil
}

// Write begins a copy into it, as Read does out of it.
func (c *Conduit) Write(at any, from Source, by Party) error {
	p := &c.pending
	switch {
	case c.dropped:
		by.Done(CopyDropped)
		return nil
	case p.by == nil:
		c.offerBuffer(at, from, by)
		return nil
	case at != nil && at == p.at && !c.Plain():
		return errSameInstance()
	case p.sink.Remain() == 0 && !c.Future && !(from.Empty() && p.sink.Empty()):
		c.finish(CopyCompleted)
		c.offerBuffer(at, from, by)
		return nil
	}
	if n := min(p.sink.Remain(), from.Remain()); n > 0 {
		if err := c.move(n, from, p.sink); err != nil {
			return err
		}
	}
	by.Done(CopyCompleted)
	return nil
}

// offerBuffer makes from the buffer that the next reader takes.
func (c *Conduit) offerBuffer(at any, from Source, by Party) {
	p := &c.pending
	p.at, p.src, p.by = at, from, by
	c.ready.Store(from.Remain() > 0)
}

// move copies, and notifies the party that was waiting.
func (c *Conduit) move(n int, from Source, to Sink) error {
	if err := from.Give(n, to); err != nil {
		return err
	}
	c.items.Add(int64(n))
	c.ready.Store(c.dropped || from.Remain() > 0 && c.pending.src == from)
	if c.Future {
		c.finish(CopyCompleted)
	} else {
		c.pending.by.Copied()
	}
	return nil
}

func errSameInstance() error {
	return Trapf(TrapStream, "cannot have concurrent operations active on a future/stream: its two ends are in one component instance, and its elements are no numbers")
}

// Reclaim takes back the buffer of a copy that Copied has reported.
func (c *Conduit) Reclaim() {
	p := &c.pending
	p.at, p.src, p.sink, p.by = nil, nil, nil, nil
	c.ready.Store(c.dropped)
}

// finish completes the pending copy.
func (c *Conduit) finish(r CopyResult) {
	by := c.pending.by
	c.Reclaim()
	by.Done(r)
}

// Cancel ends the pending copy, which is the caller's.
func (c *Conduit) Cancel() {
	if c.pending.by != nil {
		c.finish(CopyCancelled)
	}
}

// Drop drops one of the two ends.
func (c *Conduit) Drop() {
	if c.dropped {
		return
	}
	c.dropped = true
	c.ready.Store(true)
	if o := c.accept(); o != nil {
		o.told.Gone()
	}
	if c.pending.by != nil {
		c.finish(CopyDropped)
	}
	if gone := c.gone; gone != nil {
		c.gone = nil
		gone()
	}
}

// Bridge makes a conduit in another store, that of g, with the elements of c: a goroutine of the host reads from c and writes to it, until
// either end is dropped or either store dies. It is called in the store of g.
func (c *Conduit) Bridge(g Guard) *Conduit {
	to := NewConduit(c.Elem, c.Future)
	to.hosted = [2]bool{true, true}
	to.lower = itself
	to.Bind(g)
	ctx, cancel := context.WithCancel(context.Background())
	to.gone = cancel
	if err := g.Watch(to, func(error) { cancel() }); err != nil {
		cancel()
	}
	go func() {
		if c.Elem != nil && c.Elem.Kind == KindU8 && !c.Future {
			bridge(ctx, &StreamReader[uint8]{hostEnd: hostEnd{c: c}}, &StreamWriter[uint8]{hostEnd: hostEnd{c: to, writable: true}}, 16<<10)
		} else {
			bridge(ctx, &StreamReader[Val]{hostEnd: hostEnd{c: c}, lift: itself}, &StreamWriter[Val]{hostEnd: hostEnd{c: to, writable: true}}, 64)
		}
		cancel()
		to.do(JobFunc(func() { g.Unwatch(to) }))
	}()
	return to
}

func itself(v Val) Val { return v }

// bridge copies elements until either end is dropped or ctx ends.
func bridge[T any](ctx context.Context, r *StreamReader[T], w *StreamWriter[T], most int) {
	defer r.Close()
	defer w.Close()
	if r.c.Future {
		most = 1
	}
	room := make([]T, most)
	for {
		n, err := r.Read(ctx, room)
		if n > 0 {
			if _, err := w.Write(ctx, room[:n]); err != nil {
				return
			}
		}
		if err != nil || r.c.Future {
			return
		}
	}
}

// IsNumber says that values of the type are integers or floats of a fixed width.
func (t *Type) IsNumber() bool { return t.Kind >= KindS8 && t.Kind <= KindF64 }
