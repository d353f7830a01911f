package instance

import (
	"context"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
)

// Running is a call of an asynchronous function from the host. Its result may come before its end: a guest may go on
// after it has returned. Safe for concurrent use.
type Running struct {
	root
	l        *lift
	boundary *cm.Boundary
	args     []cm.Val
	crossing *guestCrossing // nil: not observed

	ownTask   task.Task
	ownThread task.Thread
	begun     bool  // its thread has; guarded by the baton
	pause     pause // likewise

	mu        sync.Mutex // guards what follows
	result    cm.Val
	err       error
	answered  bool
	isOver    bool          // comes after answered
	cancelled bool          // by the task itself, as it was asked to
	resolved  chan struct{} // closed when it is answered; nil: nobody waits for that
	over      chan struct{} // closed when it is over; likewise
	idle      chan struct{} // closed when nothing can go on; likewise
	onResult  func()        // called when it is answered; nil: nothing is
	grace     *time.Timer
}

// Start begins a call of an exported function. It returns at once; a function whose type is not async has ended by then.
func (s *Store) Start(ctx context.Context, f *plan.ExportFunc, args []cm.Val) (*Running, error) {
	return s.start(ctx, &s.own, f, args)
}

// Start is [Store.Start] for an invocation.
func (i *Invocation) Start(ctx context.Context, f *plan.ExportFunc, args []cm.Val) (*Running, error) {
	return i.store.start(ctx, i, f, args)
}

func (s *Store) start(ctx context.Context, i *Invocation, f *plan.ExportFunc, args []cm.Val) (*Running, error) {
	if err := wantArgs(f, args); err != nil {
		return nil, err
	}
	r := &Running{boundary: f.Boundary, args: args}
	if f.Lift < 0 || !f.Type.Async {
		r.result, r.err = s.call(ctx, i, f, args)
		r.answered, r.isOver = true, true
		return r, nil
	}
	r.l = &s.linked.lifts[f.Lift]
	r.init(s, ctx, i, r.l.Instance)
	r.running = r
	ci := &s.instances[r.l.Instance]
	r.task, r.thread = &r.ownTask, &r.ownThread
	initTask(r.task, ci, r.l)
	r.task.OnResolve = r.resolve
	r.activation.lift = r.l
	r.thread.Init(&s.sched, r.task, r)
	s.sched.Post((*beginning)(r))
	return r, nil
}

// beginning brings a call into the store, as a cm.Job.
type beginning Running

// Run implements cm.Job.
func (b *beginning) Run() {
	r := (*Running)(b)
	s := r.store
	if s.dead != nil {
		r.thread.Discard()
		dropVals(&r.activation, r.l.fn.Type.Params, r.args)
		r.end(cm.Val{}, s.at(s.deadTrap(), r.boundary))
		return
	}
	if s.running == nil {
		s.running = map[*Running]struct{}{}
	}
	s.running[r] = struct{}{}
	s.sched.Await(1)
	r.begin()
	r.thread.ResumeLater()
}

// initTask makes t the task of a call of l.
func initTask(t *task.Task, ci *componentInstance, l *lift) {
	t.Init(&ci.entry)
	t.Async = true
	t.NeedsExclusive = !l.Async || l.Callback >= 0
}

// Run is the call, on a goroutine that has the baton. It is for the scheduler, which calls it again each time that the call has rested.
func (r *Running) Run() {
	s := r.store
	ended := false
	defer func() {
		if !ended {
			r.conclude(s.panicked(recover(), r.boundary, r.boundary.Name()))
		}
	}()
	var resting bool
	var err error
	if r.begun {
		resting, err = s.resumeTask(&r.activation, &r.pause)
		err = r.failed(err)
	} else {
		r.begun = true
		resting, err = r.enter()
	}
	ended = true
	if !resting {
		r.conclude(err)
	}
}

// enter begins the call.
func (r *Running) enter() (resting bool, err error) {
	s := r.store
	if h := s.linked.hooks[r.boundary.ID]; h != nil {
		if r.skipped = skips(h, r.caller); !r.skipped {
			r.crossing = r.enterGuest(r.caller, h, r.boundary, r.args)
			r.observe(r.crossing)
		}
	}
	if err := r.mayRun(r.boundary); err != nil {
		dropVals(&r.activation, r.l.fn.Type.Params, r.args)
		return false, err
	}
	r.pause.job = r
	resting, err = s.runTask(&r.activation, r.boundary, func() ([]cm.Val, error) { return r.args, nil }, &r.pause)
	return resting, r.failed(err)
}

// failed ends the store with the error of a call that has run, if there is one.
func (r *Running) failed(err error) error {
	if err == nil {
		return nil
	}
	r.invocation.explain(err)
	r.fail(err)
	return r.store.fail(r.store.at(err, r.boundary))
}

// neverBegins ends a call that has not begun when its store ends.
func (r *Running) neverBegins() {
	dropVals(&r.activation, r.l.fn.Type.Params, r.args)
	r.conclude(r.store.at(r.store.deadTrap(), r.boundary))
}

// resolve takes the task's result.
func (r *Running) resolve(result cm.Val, cancelled bool) error {
	r.store.sched.Await(-1)
	var err error
	switch {
	case cancelled && r.caller.Err() != nil:
		err = r.store.at(contextTrap(r.caller), r.boundary)
	case cancelled:
		err = r.store.trap(cm.TrapCancel, r.boundary, "the caller has cancelled it")
	}
	if r.crossing != nil && !cancelled {
		r.crossing.Resolved(result)
	}
	r.mu.Lock()
	r.result, r.cancelled, r.err = result, cancelled, err
	tell := r.answer()
	r.mu.Unlock()
	tell()
	return nil
}

// answer notes that the result is there. r.mu is held; what it returns is to be called without.
func (r *Running) answer() (tell func()) {
	r.answered = true
	if r.resolved != nil {
		close(r.resolved)
	}
	if tell, r.onResult = r.onResult, nil; tell == nil {
		tell = func() {}
	}
	return tell
}

// conclude is called at the end of the call's first thread.
func (r *Running) conclude(err error) {
	if !r.isResolved() {
		r.store.sched.Await(-1)
	}
	delete(r.store.running, r)
	if r.skipped && (err != nil || r.core.HasRefused()) {
		r.crossing = r.enterGuest(r.caller, r.store.linked.hooks[r.boundary.ID], r.boundary, nil)
	}
	if r.crossing != nil {
		r.mu.Lock()
		result := r.result
		end := err
		if end == nil && r.cancelled {
			end = r.err
		}
		r.mu.Unlock()
		r.crossing.leftGuest(r.crossing.Elapsed(), result, end)
	}
	r.root.end()
	r.end(r.result, err)
}

// end wakes those who wait for the end.
func (r *Running) end(result cm.Val, err error) {
	r.mu.Lock()
	if r.isOver {
		r.mu.Unlock()
		return
	}
	r.isOver = true
	if r.grace != nil {
		r.grace.Stop()
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	tell := func() {}
	if !r.answered {
		r.result = result
		tell = r.answer()
	}
	if r.over != nil {
		close(r.over)
	}
	r.mu.Unlock()
	tell()
}

func (r *Running) isResolved() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered
}

// OnResult has f called once, when Result does not have to wait any more: at once where that is so already, else perhaps with the baton. f
// must not block. It is to be called once.
func (r *Running) OnResult(f func()) {
	r.mu.Lock()
	answered := r.answered
	if !answered {
		r.onResult = f
	}
	r.mu.Unlock()
	if answered {
		f()
	}
}

// Result waits for the result; the error is the trap that has ended the call before, or ctx's.
func (r *Running) Result(ctx context.Context) (cm.Val, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.answered {
		if err := r.await(ctx, &r.resolved, nil); err != nil {
			return cm.Val{}, err
		}
	}
	return r.result, r.err
}

// Wait waits until the call has ended, or nothing in the store can go on by itself any more.
func (r *Running) Wait(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isOver {
		if r.idle == nil {
			r.idle = make(chan struct{})
		}
		if err := r.await(ctx, &r.over, r.idle); err != nil {
			return err
		}
		if !r.isOver {
			return nil
		}
	}
	return r.err
}

// await waits for one of two events, each with a channel that is closed; the first is made here. The other one, if there is one, is found by the
// scheduler. r.mu is held, and is not while it waits.
func (r *Running) await(ctx context.Context, event *chan struct{}, other chan struct{}) error {
	if *event == nil {
		*event = make(chan struct{})
	}
	happened := *event
	r.mu.Unlock()
	defer r.mu.Lock()
	if other != nil {
		r.store.sched.Post(nothing{}) // has the scheduler check now
	}
	select {
	case <-happened:
	case <-other:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// nothing is a cm.Job that does nothing.
type nothing struct{}

// Run implements cm.Job.
func (nothing) Run() {}

// idle wakes those who wait for the end of a call that will not come.
func (s *Store) idle() bool {
	for r := range s.running {
		r.mu.Lock()
		if r.idle != nil {
			close(r.idle)
			r.idle = nil
		}
		r.mu.Unlock()
	}
	return false
}

// call waits for the result and for the end.
func (r *Running) call() (cm.Val, error) {
	if err := r.Wait(context.Background()); err != nil {
		return cm.Val{}, err
	}
	return r.Result(context.Background())
}

// Cancel asks the task to end early, by the specification's cancellation. The guest may ignore it.
func (r *Running) Cancel() {
	if r.l == nil {
		return
	}
	r.store.sched.Post(cm.JobFunc(func() {
		if r.store.dead == nil && !r.isResolved() {
			r.task.RequestCancelSoon()
		}
	}))
}

// callerGone cancels the task, and ends it if it has not ended after a while: it may be called from any goroutine.
func (r *Running) callerGone() {
	r.mu.Lock()
	if !r.isOver && r.grace == nil {
		r.grace = time.AfterFunc(r.store.grace, r.giveUp)
	}
	r.mu.Unlock()
	r.Cancel()
}

// giveUp ends the call, and the store with it.
func (r *Running) giveUp() {
	r.interrupt.Set(contextTrap(r.caller))
	r.store.sched.Post(cm.JobFunc(func() {
		r.mu.Lock()
		over := r.isOver
		r.mu.Unlock()
		if !over {
			trap := contextTrap(r.caller)
			trap.Boundary = r.boundary
			r.fail(trap)
			_ = r.store.fail(trap)
		}
	}))
}
