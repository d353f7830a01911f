package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// Options configure a store.
type Options struct {
	Limits  core.Limits
	Info    cm.InstanceInfo
	Reset   ResetOptions
	Handles int // bound of each handle table; 0: the specification's
	Depth   int // bound of nested calls into component instances; 0: DefaultDepth

	// Grace is how long a task may take to end when it is cancelled because its caller has gone or its time is over; 0: DefaultGrace.
	Grace      time.Duration
	HostMemory uint64 // bytes that the host holds for the store's guests; 0: as many as Limits.Memory
}

// DefaultDepth is how many calls may nest where Options say nothing. Each has stacks of its own, in Go
// and in the guest.
const DefaultDepth = 100

// DefaultGrace is how long a cancelled task may take to end where Options say nothing.
const DefaultGrace = time.Second

// Store is one instantiated program: the unit of isolation. One goroutine at a time runs in it, which sched sees to: calls
// from the host may come from any.
type Store struct {
	sched     task.Sched
	linked    *Linked
	group     *core.Group
	cores     []*core.Instance
	funcs     []*core.Func   // by plan.Program.Funcs, looked up when first needed
	memories  []*core.Memory // by plan.Program.Memories, likewise
	reallocs  []reallocFunc  // by plan.Program.Funcs, likewise
	instances []componentInstance
	resources []*cm.ResourceType // by slot: the run-time types of this store
	depth     int                // see Options.Depth
	stacks    []*callStack       // that no call is using
	account   *cm.Account        // what the host holds for its guests since it was made or reset

	cx        canon.Context // the one in use; nothing may run between filling and using it but realloc
	cxOptions *plan.Options // what cx was filled for last; nil: it has to be filled
	handles   handles

	values      values
	own         Invocation // of calls that come with none: the store's only one, from one reset to the next
	ownInfo     cm.InstanceInfo
	invocations []*Invocation // others, that have not ended
	uses        sync.Mutex    // guards invocations: they begin and end outside the store
	reset       resetting
	dead        *cm.Trap              // why it can no longer be entered
	ended       atomic.Bool           // dead is set: for those who are outside
	barred      atomic.Int32          // component instances that ask for backpressure: likewise
	running     map[*Running]struct{} // calls from the host that have a goroutine of their own
	unused      *activation           // for the next call by enters; nil: it makes one
	spare       *activation           // under which realloc runs for calls that have ended
	grace       time.Duration         // that a task has between its cancellation and its end
	closed      bool
}

type reallocFunc = func(ctx context.Context, oldPtr, oldSize, align, newSize uint32) (uint32, error)

// callStack is where the parameters and results of a call of a core function stand, for as many as most have.
type callStack [18]uint64

// maxCallStacks bounds those that wait: calls that nest, or take turns, may have needed more at once.
const maxCallStacks = 16

// takeStack gives room for n parameters or results. Whoever takes it gives it back once the call has ended, unless by a panic.
func (s *Store) takeStack(n int) []uint64 {
	if n > len(callStack{}) {
		return make([]uint64, n)
	}
	if k := len(s.stacks) - 1; k >= 0 {
		stack := s.stacks[k]
		s.stacks = s.stacks[:k]
		return stack[:]
	}
	return new(callStack)[:]
}

func (s *Store) giveStack(stack []uint64) {
	if len(stack) == len(callStack{}) && len(s.stacks) < maxCallStacks {
		s.stacks = append(s.stacks, (*callStack)(stack))
	}
}

// componentInstance is the state that the canonical ABI keeps for one component instance.
type componentInstance struct {
	store *Store
	index int
	table handle.Table
	entry task.Entry
}

// NewStore instantiates a program. ctx bounds initialisation.
func (l *Linked) NewStore(ctx context.Context, o Options) (*Store, error) {
	p := l.Program
	o.Limits.StackApart = o.HostMemory == 0 // the default is of memory that a guest asks for; it leaves Stack what it says
	s := &Store{
		linked: l, group: l.engine.NewGroup(o.Limits),
		cores:     make([]*core.Instance, len(p.Modules)),
		funcs:     make([]*core.Func, len(p.Funcs)),
		memories:  make([]*core.Memory, len(p.Memories)),
		reallocs:  make([]reallocFunc, len(p.Funcs)),
		instances: make([]componentInstance, len(p.Instances)),
		resources: make([]*cm.ResourceType, len(p.Resources)),
		depth:     cmp.Or(o.Depth, DefaultDepth),
		grace:     cmp.Or(o.Grace, DefaultGrace),
		account:   cm.NewAccount(cmp.Or(o.HostMemory, o.Limits.Memory)),
	}
	s.ownInfo = o.Info
	s.own.store, s.own.info = s, &s.ownInfo
	s.sched.Deadlock, s.sched.Idle = s.deadlock, s.idle
	s.sched.Stuck = func(of any) {
		of.(*activation).root.fail(task.ErrNoProgress())
		_ = s.fail(task.ErrNoProgress())
	}
	s.sched.OnFail = func(err error) { _ = s.fail(err) }
	s.sched.TryEnter()
	defer s.sched.Leave()
	s.fund()
	s.reset.opts = o.Reset
	for i := range s.instances {
		s.instances[i].store, s.instances[i].index = s, i
		s.instances[i].table.Max, s.instances[i].table.Account = o.Handles, s.account
		s.instances[i].entry.Barred = &s.barred
	}
	for slot, rt := range l.resources {
		if rt == nil {
			def := &p.Resources[slot]
			rt = &cm.ResourceType{Interface: def.Type.Interface, Name: def.Type.Name, Slot: slot, Owner: &s.instances[def.Instance]}
		}
		s.resources[slot] = rt
	}
	r := s.newRoot(ctx, &s.own, -1)
	defer r.finish(true) // what initialisation was refused is told to the first call
	var sources []*core.Instance
	for i, m := range p.Modules {
		sources = sources[:0]
		for _, src := range m.Sources {
			if src == plan.HostSource {
				sources = append(sources, l.host)
			} else {
				sources = append(sources, s.cores[src])
			}
		}
		a := r.again()
		a.instance = int32(m.Instance)
		err := a.tooDeep(nil)
		var inst *core.Instance
		if err == nil {
			inst, err = l.engine.Prepare(a, s.group, l.modules[i], sources)
		}
		if err == nil {
			err = s.begin(a, inst, l.modules[i].Info().FillsImports)
		}
		if err != nil {
			err = s.fail(err)
			_ = s.close(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("%s: instantiate core module %q: %w", p.Instances[m.Instance].Path, m.Name, err)
		}
		s.cores[i] = inst
	}
	s.initialised()
	return s, nil
}

// deadTrap is the trap of who comes to a store that can no longer be entered.
func (s *Store) deadTrap() *cm.Trap {
	t := *s.dead
	return &t
}

// fail settles what an error from guest code means: the store is dead from here on.
func (s *Store) fail(err error) error {
	var exit *cm.ExitError
	if errors.As(err, &exit) {
		s.kill(&cm.Trap{Code: cm.TrapDead, Detail: "the instance has exited"})
		return err
	}
	var t *cm.Trap
	if !errors.As(err, &t) {
		t = &cm.Trap{Code: cm.TrapHost, Detail: err.Error(), Err: err}
		err = t
	}
	s.kill(&cm.Trap{Code: cm.TrapDead, Detail: string(t.Code)})
	return err
}

// kill says why the store can no longer be entered. Who is parked in it goes on with that.
func (s *Store) kill(why *cm.Trap) {
	if s.dead == nil {
		s.dead = why
		s.ended.Store(true)
	}
	if s.sched.Dead() != nil {
		return // what had not begun then has ended, and nothing begins any more
	}
	s.sched.Kill(s.dead)
	for r := range s.running {
		if !r.begun {
			r.neverBegins()
		}
	}
}

// fund gives the account what it is charged to.
func (s *Store) fund() {
	s.account.HasMemory, s.account.Budget = core.AddressSpace, s.linked.engine.Budget()
	s.group.SetAccount(s.account)
}

// Alive says whether calls can still be made: no trap, exit or Close has ended the store. Safe for concurrent use.
func (s *Store) Alive() bool { return !s.ended.Load() }

// Barred says whether a component instance asks for backpressure: calls of asynchronous functions may have to wait. Safe for
// concurrent use; the answer may be out of date at once.
func (s *Store) Barred() bool { return s.barred.Load() > 0 }

// Expect says that calls from outside may come: until the function that it returns is called, calls that wait and have nothing else to
// wait for are no deadlock.
func (s *Store) Expect() (stop func()) {
	s.sched.Post(cm.JobFunc(func() { s.sched.Outstanding(1) }))
	return sync.OnceFunc(func() { s.sched.Post(cm.JobFunc(func() { s.sched.Outstanding(-1) })) })
}

// deadlock is the end of a store in which nothing can go on, though somebody waits for a result.
func (s *Store) deadlock() {
	t := cm.Trapf(cm.TrapDeadlock, "deadlock detected: event loop cannot make further progress")
	for r := range s.running {
		if !r.isResolved() {
			r.root.fail(&cm.Trap{Code: t.Code, Detail: t.Detail, Boundary: r.boundary})
		}
	}
	_ = s.fail(t)
}

// fn finds a core function of the program.
func (s *Store) fn(i int) (*core.Func, error) {
	if f := s.funcs[i]; f != nil {
		return f, nil
	}
	at := s.linked.Program.Funcs[i]
	from, name := s.linked.host, plan.TrampolineName(at.Trampoline)
	if at.Module != plan.HostSource {
		from, name = s.cores[at.Module], at.Name
	}
	if from == nil {
		return nil, cm.Trapf(cm.TrapUninitialized, "core function %q is not there yet", name)
	}
	f := from.Func(name)
	if f == nil {
		return nil, cm.Trapf(cm.TrapBug, "core function %q is gone", name)
	}
	s.funcs[i] = f
	return f, nil
}

// context fills the store's lift-and-lower context for one side of a call. a is what is given borrow handles by a lowering
// into this side, and lends them by a lifting from it. realloc runs on its thread, or on the store's own if a has ended.
func (s *Store) context(a *activation, instance int, o *plan.Options) (*canon.Context, error) {
	if a.ended {
		a = s.standIn(a, instance)
	}
	cx, h := &s.cx, &s.handles
	if s.cxOptions == o && h.task == a && h.instance == &s.instances[instance] && cx.Account == s.account {
		// The other half of a call within which nothing else was lifted or lowered.
		cx.BorrowBytes, h.loan, h.moved = false, nil, h.moved[:0]
		return cx, nil
	}
	s.cxOptions = nil
	cx.Ctx, cx.Encoding, cx.Account, cx.BorrowBytes, cx.Handles = a, o.Encoding, s.account, false, h
	if o.Memory < 0 {
		cx.Memory = nil
	} else if m := s.memories[o.Memory]; m != nil {
		cx.Memory = m
	} else if err := s.findMemory(o.Memory); err != nil {
		return nil, err
	} else {
		cx.Memory = s.memories[o.Memory]
	}
	if o.Realloc < 0 {
		cx.Realloc = nil
	} else if f := s.reallocs[o.Realloc]; f != nil {
		cx.Realloc = f
	} else {
		cx.Realloc = s.realloc(instance, o.Realloc)
		s.reallocs[o.Realloc] = cx.Realloc
	}
	// Field by field: each call comes here, and a whole structure would be copied by way of the stack.
	h.store, h.instance, h.task, h.loan, h.moved = s, &s.instances[instance], a, nil, h.moved[:0]
	s.cxOptions = o
	return cx, nil
}

// findMemory notes a memory of the program, of which no call has had need before.
func (s *Store) findMemory(i int) error {
	at := s.linked.Program.Memories[i]
	if s.cores[at.Module] == nil {
		return cm.Trapf(cm.TrapUninitialized, "memory %q is not there yet", at.Name)
	}
	s.memories[i] = s.cores[at.Module].Memory(at.Name)
	return nil
}

// standIn is an activation under which realloc can run in the place of one that has ended.
func (s *Store) standIn(a *activation, instance int) *activation {
	if s.spare == nil {
		s.spare = &activation{store: s, core: &core.Thread{}}
		s.spare.core.Begin(s.group, nil, 0)
	}
	s.spare.Context = task.Context{Context: context.Background(), Call: a.Call}
	s.spare.root, s.spare.instance, s.spare.depth = a.root, int32(instance), a.depth
	return s.spare
}

// realloc wraps a guest's realloc: it may not call imports (CanonicalABI.md §canonical options, realloc).
func (s *Store) realloc(instance, fn int) reallocFunc {
	ci := &s.instances[instance]
	var stack [4]uint64
	return func(ctx context.Context, oldPtr, oldSize, align, newSize uint32) (uint32, error) {
		f, err := s.fn(fn)
		if err != nil {
			return 0, err
		}
		stack = [4]uint64{uint64(oldPtr), uint64(oldSize), uint64(align), uint64(newSize)}
		ci.entry.NoLeave = true
		err = f.CallOn(ctx.(*activation).core, ctx, stack[:])
		ci.entry.NoLeave = false
		return uint32(stack[0]), err
	}
}

// Resource is the run-time type of a resource type of the program, by its slot.
func (s *Store) Resource(slot int) *cm.ResourceType { return s.resources[slot] }

// Value finds or makes the value of key that belongs to this store; an io.Closer is closed when it is released.
func (s *Store) Value(key any, mk func() any) any { return s.values.get(key, mk) }

// Fuel is the guest work done so far; MemoryPeak the most bytes that its memories had.
func (s *Store) Fuel() uint64 { return s.group.Fuel() }

// MemoryPeak is the most bytes that the store's memories had.
func (s *Store) MemoryPeak() uint64 { return s.group.MemoryPeak() }

// Close ends what still goes on in the store, drops host resources that guests still own, closes store values in reverse
// order and releases memory. It is idempotent. Guest destructors are not run: the guest is gone. No call may be under way
// that waits for its own end.
func (s *Store) Close(ctx context.Context) error {
	t := s.sched.NewThread(nil, nil)
	_ = s.sched.Enter(context.WithoutCancel(ctx), t)
	defer s.sched.Leave()
	if s.closed {
		return nil
	}
	s.kill(&cm.Trap{Code: cm.TrapDead, Detail: "the instance is closed"})
	s.sched.Settle(t)
	return s.close(ctx)
}

// close is Close for who is in the store, alone.
func (s *Store) close(ctx context.Context) error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.kill(&cm.Trap{Code: cm.TrapDead, Detail: "the instance is closed"})
	s.dead = &cm.Trap{Code: cm.TrapDead, Detail: "the instance is closed"}
	s.reset.snap = nil // nothing stays
	err := s.Release(ctx)
	if s.spare != nil {
		s.spare.core.End(false)
		s.spare = nil
	}
	return errors.Join(err, s.group.Close(ctx))
}
