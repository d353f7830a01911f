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

	ownTask        task.Task
	ownThread      task.Thread
	begun          bool          // its thread has; guarded by the baton
	pause          pause         // likewise
	resolved, over chan struct{} // closed; over is after resolved

	mu        sync.Mutex // guards what follows
	result    cm.Val
	err       error
	isOver    bool
	answered  bool
	cancelled bool          // by the task itself, as it was asked to
	idle      chan struct{} // closed when nothing can go on; nil: nothing waits for that
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
	r := &Running{boundary: f.Boundary, args: args, resolved: make(chan struct{}), over: make(chan struct{})}
	if f.Lift < 0 || !f.Type.Async {
		r.result, r.err = s.call(ctx, i, f, args)
		r.answered, r.isOver = true, true
		close(r.resolved)
		close(r.over)
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
	r.mu.Lock()
	r.result, r.answered, r.cancelled, r.err = result, true, cancelled, err
	r.mu.Unlock()
	if r.crossing != nil && !cancelled {
		r.crossing.Resolved(result)
	}
	close(r.resolved)
	return nil
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
	defer r.mu.Unlock()
	if r.isOver {
		return
	}
	r.isOver = true
	if r.grace != nil {
		r.grace.Stop()
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	if !r.answered {
		r.answered, r.result = true, result
		close(r.resolved)
	}
	close(r.over)
}

func (r *Running) isResolved() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered
}

// Result waits for the result; the error is the trap that has ended the call before, or ctx's.
func (r *Running) Result(ctx context.Context) (cm.Val, error) {
	select {
	case <-r.resolved:
	default:
		select {
		case <-r.resolved:
		case <-ctx.Done():
			return cm.Val{}, context.Cause(ctx)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result, r.err
}

// Wait waits until the call has ended, or nothing in the store can go on by itself any more.
func (r *Running) Wait(ctx context.Context) error {
	select {
	case <-r.over:
	default:
		idle := r.onIdle()
		r.store.sched.Post(nothing{}) // has the scheduler check now
		select {
		case <-r.over:
		case <-idle:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// nothing is a cm.Job that does nothing.
type nothing struct{}

// Run implements cm.Job.
func (nothing) Run() {}

// onIdle is closed when nothing in the store can go on by itself any more.
func (r *Running) onIdle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	return r.idle
}

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
