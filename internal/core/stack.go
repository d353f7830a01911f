package core

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/vitrine-wasm/vitrine/cm"
)

// wazero gives each call object a small stack of Go's memory and doubles it as long as the guest recurses, up to 100 MB,
// with two copies while it grows; its interface has no bound for that. So guest code runs on stacks that are made here: as
// large as the limit from the start, mapped, so that what is never touched costs nothing, and told to wazero to be so large
// already that it may not grow. A call that stands in another one of its group goes on where that one stopped, on the same
// stack: the limit is that of the thread of control, not that of each call in it.

const (
	defaultStack = 128 << 20 // bytes, of a group whose Limits say nothing
	maxStack     = 1 << 30   // bytes; larger limits are this one

	stackSlack  = 4096      // below the limit: what machine code pushes before it looks
	stackGap    = 512       // between a call and one that stands in it
	stackAlign  = 16        // of the top of a stack, as machine code wants it
	stackKeep   = 128 << 10 // at the top of a stack, what stays the process's between calls
	stackProbe  = 4096      // at the lower end of that, where is looked for traces of deep calls
	stackStride = 31        // words between those that are looked at: odd, so that no usual size of frames keeps them all empty
	stackUnit   = 64 << 10  // of which stacks are a multiple: the largest page of a system
	stackStep   = 1 << 20   // by which deep stacks are charged for
	stackChecks = 8192      // calls after which a stack is trimmed without a look
)

// guestStack is what one thread of a group runs on.
type guestStack struct {
	mem   []byte
	calls int
}

// top is the address where the first call begins.
func (s *guestStack) top() uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s.mem))) + uintptr(len(s.mem))
}

// enter gives c the stack that it is to run on; outer is the call that it stands in, if any. values is how many parameters
// and results it has: they are put onto the stack before any code looks whether there is room.
func (t *Thread) enter(c, outer *callObject, values int) error {
	if c.top == nil {
		return nil
	}
	if outer == nil || outer.stack == nil {
		if err := t.takeStack(); err != nil {
			return err
		}
		return t.group.place(c, t.stack, t.stack.top(), values)
	}
	return t.group.place(c, outer.stack, (outer.reached()-stackGap)&^(stackAlign-1), values)
}

// takeStack has t have a stack, if it has none.
func (t *Thread) takeStack() error {
	g := t.group
	if t.stack != nil {
		return nil
	}
	if t.stack, g.spare = g.spare, nil; t.stack != nil {
		return nil
	}
	s, err := g.engine.stacks.get(g.limits.Stack)
	if err != nil {
		return &cm.Trap{Code: cm.TrapHost, Detail: fmt.Sprintf("no room for a stack of %d bytes: %v", g.limits.Stack, err), Err: err}
	}
	t.stack = s
	return nil
}

// giveStack leaves the stack of a thread that has ended to the next one.
func (t *Thread) giveStack() {
	g, s := t.group, t.stack
	t.stack = nil
	switch {
	case s == nil:
	case g.spare == nil && !g.closed.Load():
		g.spare = s
	default:
		g.engine.stacks.put(s)
	}
}

// place has c run on what of s lies below top.
func (g *Group) place(c *callObject, s *guestStack, top uintptr, values int) error {
	bottom := s.top() - uintptr(g.limits.Stack)
	if top < bottom || top-bottom < uintptr(32*values+stackGap) {
		return g.overflow(nil)
	}
	c.use(s, bottom, top)
	return nil
}

// leave takes the stack away again. What a deep call has left behind is given back to the system, as far as a look at one
// page tells, and now and then without one: a function with a large frame may have left that page out.
func (t *Thread) leave(c, outer *callObject) {
	s := c.stack
	if s == nil {
		return
	}
	c.leave()
	if outer != nil && outer.stack == s {
		return
	}
	if s.calls++; s.calls%stackChecks == 0 || t.deep != 0 || s.deep() {
		s.trim()
	}
	if t.deep != 0 {
		t.group.engine.deep.give(t.deep)
		t.deep = 0
	}
	if t.charged.bytes != 0 {
		t.charged.release(t.group)
	}
}

// deepen has a thread of control that has become deep pay for what it takes, and take its share of what all deep ones may have. It
// is asked at the checks, so that a thread is deeper without asking by what the guest does between two of them.
func (t *Thread) deepen() (err error) {
	c := t.running
	if c == nil || c.stack == nil {
		return nil
	}
	depth := uint64(c.stack.top() - c.reached())
	if depth <= stackFree+t.charged.bytes {
		return nil
	}
	if err := t.charged.raise(t.group, depth-stackFree); err != nil || t.deep != 0 {
		return err
	}
	t.deep, err = t.group.engine.deep.take(t.group.limits.Stack, t.Err)
	return err
}

// stackCharge is what one thread's stack takes, of its store's account where that bounds stacks. What was touched stays the thread's until its outermost
// call returns, and so does the charge.
type stackCharge struct {
	bytes   uint64
	account *cm.Account // that it was taken from; nil: of none
}

// raise charges for n bytes at least.
func (s *stackCharge) raise(g *Group, n uint64) error {
	if s.bytes == 0 && !g.limits.StackApart {
		s.account = g.account
	}
	n = min((n+stackStep-1)&^(stackStep-1), g.limits.Stack)
	if err := s.account.Reserve(int(n - s.bytes)); err != nil {
		var limit *cm.LimitError
		if errors.As(err, &limit) {
			detail := fmt.Sprintf("the guest's calls are deep: %d bytes of stack, beyond the first %d, count as memory that the host holds for it; %s",
				n, uint64(stackFree), limit.Detail)
			err = &cm.Trap{Code: cm.TrapHostMemory, Detail: detail, Err: &cm.LimitError{Limit: limit.Limit, Detail: detail}}
		}
		return err
	}
	if g.limits.StackHeld != nil {
		g.limits.StackHeld.Add(int64(n - s.bytes))
	}
	s.bytes = n
	return nil
}

// release gives back all of it.
func (s *stackCharge) release(g *Group) {
	s.account.Release(int(s.bytes))
	if g.limits.StackHeld != nil {
		g.limits.StackHeld.Add(-int64(s.bytes))
	}
	*s = stackCharge{}
}

// probe is the lowest page of what is kept.
func (s *guestStack) probe() *[stackProbe / 8]uint64 {
	return (*[stackProbe / 8]uint64)(unsafe.Pointer(&s.mem[max(0, len(s.mem)-stackKeep)]))
}

// deep says that a call has gone past what is kept, as a few words tell that lie apart. Every call is asked, so that it is one
// expression without a loop.
func (s *guestStack) deep() bool {
	const d = stackStride
	p := s.probe()
	return (p[0]|p[d]|p[2*d]|p[3*d])|(p[4*d]|p[5*d]|p[6*d]|p[7*d])|
		(p[8*d]|p[9*d]|p[10*d]|p[11*d])|(p[12*d]|p[13*d]|p[14*d]|p[15*d])|p[16*d] != 0
}

// trim gives back what is not kept.
func (s *guestStack) trim() {
	clear(s.probe()[:])
	if n := len(s.mem) - stackKeep; n > 0 {
		emptyStack(s.mem[:n])
	}
}

// overflow is the trap of a thread of control that needs more stack than it may have.
func (g *Group) overflow(frames []string) error {
	detail := fmt.Sprintf("the guest's calls need more stack than the limit of %d bytes", g.limits.Stack)
	return &cm.Trap{Code: cm.TrapStackOverflow, Detail: detail, Stack: frames}
}

// maxStacks bounds the stacks that wait for a group.
const maxStacks = 256

// stackPool keeps stacks that no group uses, by their size.
type stackPool struct {
	mu     sync.Mutex
	free   map[int][]*guestStack
	count  int
	closed bool
}

// get gives a stack with room for limit bytes.
func (p *stackPool) get(limit uint64) (*guestStack, error) {
	size := (int(limit) + stackSlack + stackUnit - 1) &^ (stackUnit - 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := p.free[size]; len(free) > 0 {
		s := free[len(free)-1]
		p.free[size] = free[:len(free)-1]
		p.count--
		return s, nil
	}
	mem, err := mapStack(size)
	if err != nil {
		return nil, err
	}
	return &guestStack{mem: mem}, nil
}

// put takes a stack back.
func (p *stackPool) put(s *guestStack) {
	s.trim()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.count >= maxStacks {
		unmapStack(s.mem)
		return
	}
	if p.free == nil {
		p.free = map[int][]*guestStack{}
	}
	p.free[len(s.mem)] = append(p.free[len(s.mem)], s)
	p.count++
}

// close gives every stack that waits back to the system.
func (p *stackPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, free := range p.free {
		for _, s := range free {
			unmapStack(s.mem)
		}
	}
	p.free, p.count = nil, 0
}
