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
// large as the limit from the start, and mapped, so that untouched pages cost nothing. wazero is told a size at which it does not grow
// a stack. A call nested in another one of its group continues on the same stack: the limit is that of the thread of control, not of
// each call in it.

const (
	defaultStack = 128 << 20 // bytes, of a group whose Limits say nothing
	maxStack     = 1 << 30   // bytes; larger limits are this one

	stackSlack  = 4096      // below the limit: what machine code pushes before it checks
	stackGap    = 512       // between a call and one nested in it
	stackAlign  = 16        // of the top of a stack, as machine code wants it
	stackKeep   = 128 << 10 // at the top of a stack, what is not given back between calls
	stackProbe  = 4096      // at the lower end of that, what is searched for traces of deep calls
	stackStride = 31        // distance in words of those that are searched: odd, so that no usual frame size leaves them all empty
	stackUnit   = 64 << 10  // of which stacks are a multiple: the largest page of a system
	stackStep   = 1 << 20   // by which deep stacks are charged for
	stackChecks = 1024      // uses after which a stack is trimmed without a search
)

// guestStack is the stack of one thread of a group.
type guestStack struct {
	mem  []byte
	uses int // threads that have given it back, and calls on a group's own thread
}

// top is the address where the first call begins.
func (s *guestStack) top() uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s.mem))) + uintptr(len(s.mem))
}

// ready says that c has its stack already: it was used last for an outermost call on the thread's stack, and is to be so again.
func (t *Thread) ready(c, outer *callObject, values int) bool {
	return outer == nil && c.stack != nil && c.stack == t.stack && uintptr(32*values+stackGap) <= uintptr(t.group.limits.Stack)
}

// enter gives c its stack; outer is the call that it is nested in, if any. values is the number of its parameters and results, which
// are put onto the stack before any code checks whether there is room.
func (t *Thread) enter(c, outer *callObject, values int) error {
	if c.top == nil {
		return nil
	}
	var s *guestStack
	var top uintptr
	if outer != nil && outer.stack != nil {
		s, top = outer.stack, (outer.reached()-stackGap)&^(stackAlign-1)
	} else {
		if t.stack == nil {
			if err := t.takeStack(); err != nil {
				return err
			}
		}
		s, top = t.stack, t.stack.top()
	}
	bottom := s.top() - uintptr(t.group.limits.Stack)
	if top < bottom || top-bottom < uintptr(32*values+stackGap) {
		return t.group.overflow(nil)
	}
	c.use(s, bottom, top)
	return nil
}

// takeStack gives a stack to t, which has none.
func (t *Thread) takeStack() error {
	g := t.group
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

// giveStack keeps the stack of a thread that has ended for the next one.
func (t *Thread) giveStack() {
	g, s := t.group, t.stack
	t.stack = nil
	switch {
	case s == nil:
	case g.spare == nil && !g.closed.Load():
		s.used(false)
		g.spare = s
	default:
		g.engine.stacks.put(s)
	}
}

// leave ends the outermost call of a thread that was deep, or that never ends.
func (t *Thread) leave() {
	if t.stack == nil {
		return
	}
	t.stack.used(t.deep != 0)
	if t.deep != 0 {
		t.group.engine.deep.give(t.deep)
		t.deep = 0
	}
	if t.charged.bytes != 0 {
		t.charged.release(t.group)
	}
}

// used gives pages back to the system if calls were deep, as is known or as the probe page shows; now and then in any case, because a
// function with a large frame may not have touched that page. It is called when a thread gives its stack back, so that no idle instance
// keeps what a deep call has touched.
func (s *guestStack) used(deep bool) {
	if s.uses++; deep || s.uses%stackChecks == 0 || s.deep() {
		s.trim()
	}
}

// deepen charges a thread of control that has become deep for its stack, and takes its share of the budget of all deep ones. It is
// called at fuel checks, so that a thread may be deeper by what it does between two of them.
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

// stackCharge is the charge for one thread's stack, in its store's account if that bounds stacks. Touched pages stay the thread's until
// its outermost call returns, and so does the charge.
type stackCharge struct {
	bytes   uint64
	account *cm.Account // that was charged; nil: none
}

// raise raises the charge to at least n bytes.
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

// release ends the charge.
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

// deep says that a call has used more than what is kept, by a few words of the probe. It is one expression without a loop.
func (s *guestStack) deep() bool {
	const d = stackStride
	p := s.probe()
	return (p[0]|p[d]|p[2*d]|p[3*d])|(p[4*d]|p[5*d]|p[6*d]|p[7*d])|
		(p[8*d]|p[9*d]|p[10*d]|p[11*d])|(p[12*d]|p[13*d]|p[14*d]|p[15*d])|p[16*d] != 0
}

// trim gives back all but what is kept.
func (s *guestStack) trim() {
	clear(s.probe()[:])
	if n := len(s.mem) - stackKeep; n > 0 {
		emptyStack(s.mem[:n])
	}
}

// overflow is the trap of a thread of control that needs more stack than its limit.
func (g *Group) overflow(frames []string) error {
	detail := fmt.Sprintf("the guest's calls need more stack than the limit of %d bytes", g.limits.Stack)
	return &cm.Trap{Code: cm.TrapStackOverflow, Detail: detail, Stack: frames}
}

// maxStacks bounds the stacks that are kept for groups.
const maxStacks = 256

// stackPool keeps stacks that no group uses, by their size.
type stackPool struct {
	mu     sync.Mutex
	free   map[int][]*guestStack
	count  int
	closed bool
}

// get returns a stack with room for limit bytes.
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

// close gives every kept stack back to the system.
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
