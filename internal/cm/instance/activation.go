package instance

import (
	"context"
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// activation is one entry into a store, with its part of a thread. It is the context of trampolines.
type activation struct {
	task.Context
	store    *Store
	root     *root       // the call from the host that it is a part of, itself or another one
	outer    *activation // the one that this one is a part of, of any store; nil: the host's own
	lead     *activation // of a further thread of a task: that of its first one
	core     *core.Thread
	thread   *task.Thread // nil until the scheduler has to know it
	task     *task.Task   // likewise
	lift     *lift        // the function that was called, of an asynchronous task
	instance int32        // the component instance that it is in; -1 outside them all
	depth    int32        // number of nested activations, of any store, this one included
	adapter  bool         // the adapter of WASI preview 1 is calling
	ended    bool         // no guest code runs under it any more
	shown    bool         // something that may outlive the call has seen it, or one within it: the host or the scheduler
}

type activationKey struct{}

// Value answers for itself, and as its call otherwise.
func (a *activation) Value(key any) any {
	if _, ok := key.(activationKey); ok {
		return a
	}
	if key == cm.AccountKey() {
		return a.store.account
	}
	return a.Context.Value(key)
}

// FromContext finds the store that a host function was called from, and the invocation of it; nil outside one.
func FromContext(ctx context.Context) (*Store, *Invocation) {
	if a, ok := ctx.Value(activationKey{}).(*activation); ok {
		return a.store, a.root.invocation
	}
	return nil, nil
}

// byAdapter wraps a host function that the adapter of WASI preview 1 calls; see ByAdapter.
func byAdapter(fn cm.HostFunc) cm.HostFunc {
	return func(ctx context.Context, args []cm.Val) (cm.Val, error) {
		if a, ok := ctx.Value(activationKey{}).(*activation); ok {
			a.adapter = true
			defer func() { a.adapter = false }()
		}
		return fn(ctx, args)
	}
}

// ByAdapter says whether the adapter of WASI preview 1 has called the host function that ctx was given to.
func ByAdapter(ctx context.Context) bool {
	a, ok := ctx.Value(activationKey{}).(*activation)
	return ok && a.adapter
}

// calls makes the activation of a call by a, on a's thread, into a component instance.
func (a *activation) calls(instance int) *activation {
	return &activation{
		Context: task.Context{Context: a, Call: a.Call, Tally: a.Tally},
		store:   a.store, root: a.root, outer: a, core: a.core, instance: int32(instance), depth: a.depth + 1,
	}
}

// enters is calls for a synchronous call that nothing observes. It takes the activation that an earlier such call has given back by leaves.
func (a *activation) enters(instance int) *activation {
	s := a.store
	next := s.unused
	if next == nil {
		return a.calls(instance)
	}
	s.unused = nil
	next.Context.Context, next.Call, next.Tally = a, a.Call, a.Tally
	next.store, next.root, next.outer, next.core, next.instance, next.depth = s, a.root, a, a.core, int32(instance), a.depth+1
	return next
}

// leaves takes back what enters has given for a call that has returned, unless something may still know it.
func (a *activation) leaves(callee *activation) {
	if callee.shown || callee.task != nil || callee.thread != nil {
		a.shown = true
		return
	}
	*callee = activation{}
	a.store.unused = callee
}

// observe makes c the observed call around everything that the activation does.
func (a *activation) observe(c *guestCrossing) {
	a.Context.Context, a.Call, a.Tally = c.Context, &c.Call, &c.tally
}

// Thread implements core.Threaded.
func (a *activation) Thread() *core.Thread { return a.core }

// first is the activation of the first thread of the same call.
func (a *activation) first() *activation {
	if a.lead != nil {
		return a.lead
	}
	return a
}

// borrows are the borrow handles that the call has been given.
func (a *activation) borrows() *handle.Scope { return &a.first().Borrows }

// tooDeep is the trap of an activation with too many around it.
func (a *activation) tooDeep(b *cm.Boundary) error {
	if int(a.depth) <= a.store.depth {
		return nil
	}
	return a.store.trap(cm.TrapDepth, b, fmt.Sprintf("%d nested calls between components are under way, which is the limit", a.store.depth))
}

// self returns the scheduler's thread of a, which it makes if there is none, with the task of a synchronous call: most calls need
// neither.
func (a *activation) self(instance int) (*task.Thread, error) {
	if a.task == nil {
		a.task = task.NewTask(&a.store.instances[instance].entry)
		if a.thread == nil {
			a.thread = a.store.sched.NewThread(nil, nil)
		}
		a.thread.Join(a.task)
		if _, err := a.task.Enter(a.thread); err != nil {
			return nil, err
		}
		a.task.Start()
	}
	return a.thread, nil
}

// blocking is the thread that a runs on, which is about to block. Until a synchronous call that does so has returned, only
// threads of its own component instance run.
func (a *activation) blocking(instance int) (*task.Thread, error) {
	t, err := a.self(instance)
	if err == nil && a.synchronous() {
		a.store.sched.Enclose(a, a.task.Entry())
	}
	return t, err
}

// synchronous says that a is the first thread of a call of a function whose type is not async.
func (a *activation) synchronous() bool { return a.lead == nil && (a.task == nil || !a.task.Async) }

// parks has f block the thread, counts the time as a wait, and resumes.
func (a *activation) parks(instance int, f func(*task.Thread) error) error {
	t, err := a.blocking(instance)
	if err != nil {
		return err
	}
	start := clock()
	err = f(t)
	a.Tally.AddWait(clock() - start)
	if resumed := a.resume(); resumed != nil {
		return resumed
	}
	return err
}

// resume makes the thread the current one again, after others may have run. The error is what has ended the call: a guest that does
// little but call slow host functions would be slow to reach a fuel check.
func (a *activation) resume() error {
	if err := a.core.Err(); err != nil {
		return err
	}
	if a.store.dead != nil {
		if a.root.failure != nil {
			return a.root.failure
		}
		return a.store.deadTrap()
	}
	a.core.Run()
	return nil
}

// done is the end of a synchronous call, or of a function that runs on its own account, as far as the scheduler knows it.
func (a *activation) done() error {
	a.ended = true
	if a.task == nil || a.task.Async {
		return nil
	}
	a.store.sched.Disclose(a)
	a.task.Complete()
	return a.task.Exit()
}

// epoch is what clock counts from.
var epoch = time.Now()

// clock tells durations. It reads the monotonic clock alone, where time.Now reads the time of day too.
func clock() time.Duration { return time.Since(epoch) }
