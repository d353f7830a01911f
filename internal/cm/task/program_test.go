package task

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// program is a store whose guests are Go: what each task does is read off a tape. Whatever that is, the rules of the
// specification hold that are asserted below, and everything ends.
type program struct {
	t       testing.TB
	sched   Sched
	entries [3]programEntry
	tape    []byte
	tasks   int
	mu      sync.Mutex
	errs    []string
}

type programEntry struct {
	Entry
	inside *programTask // that has the instance for itself
	inc    int          // backpressure
}

type programTask struct {
	p        *program
	e        *programEntry
	level    int
	task     *Task
	thread   *Thread
	children []*Subtask
	set      WaitableSet
	entered  bool
	resting  bool
	waits    *WaitableSet // while it rests; nil: it yields
	resolved bool
	budget   int
}

func (p *program) bad(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, fmt.Sprintf(format, args...))
}

func (p *program) next() byte {
	if len(p.tape) == 0 {
		return 255
	}
	b := p.tape[0]
	p.tape = p.tape[1:]
	return b
}

// newTask makes a task at a level: instances call those below them only.
func (p *program) newTask(level int, onResolve func(cancelled bool)) *programTask {
	p.tasks++
	t := &programTask{p: p, e: &p.entries[level], level: level, budget: 12}
	t.task = NewTask(&t.e.Entry)
	t.task.Async, t.task.NeedsExclusive = true, p.next()%4 != 0
	t.task.OnResolve = func(_ cm.Val, cancelled bool) error {
		if t.resolved {
			p.bad("a task has resolved twice")
		}
		t.resolved = true
		if onResolve != nil {
			onResolve(cancelled)
		}
		return nil
	}
	t.thread = p.sched.NewThread(t.task, cm.JobFunc(t.run))
	return t
}

// code notes whose guest code runs: only one's at a time, and an exclusive one alone among its instance's exclusive ones.
func (t *programTask) code() {
	if t.task.NeedsExclusive {
		if in := t.e.inside; in != nil && in != t {
			t.p.bad("two tasks have an instance for themselves")
		}
		t.e.inside = t
	}
}

// errResting says that the task rests: it goes on with another call of run.
var errResting = errors.New("resting")

func (t *programTask) run() {
	var err error
	if t.resting {
		t.resting = false
		ev, failed := t.task.GoOn(t.thread, t.waits)
		if err = t.looped(ev, failed); err == nil {
			t.budget--
			err = t.body()
		}
	} else if err = t.enter(); err == nil && t.entered {
		err = t.body()
	}
	if err != errResting && t.entered {
		t.end(err)
	}
}

func (t *programTask) enter() error {
	entered, err := t.task.Enter(t.thread)
	if err != nil || !entered {
		if err == nil && !t.resolved {
			t.p.bad("a task was cancelled before it came in, and has not resolved")
		}
		return err
	}
	if t.e.inc > 0 && len(t.e.entering) == 0 && t.task.State() == Initial && t.p.sched.dead == nil && t.e.backpressure != t.e.inc {
		t.p.bad("backpressure is %d, want %d", t.e.backpressure, t.e.inc)
	}
	t.entered = true
	t.task.Start()
	return nil
}

func (t *programTask) end(err error) {
	if t.e.inside == t {
		t.e.inside = nil
	}
	if err == nil {
		if !t.resolved {
			err = t.task.Return(cm.Val{}, 0)
		}
		if err == nil {
			err = t.task.Exit()
		}
	}
	if err != nil && t.p.sched.dead == nil {
		t.p.sched.Kill(err)
	}
}

func (t *programTask) body() error {
	for ; t.budget > 0; t.budget-- {
		t.code()
		if err := t.step(); err != nil {
			return err
		}
		if t.p.sched.dead != nil {
			return t.p.sched.dead
		}
	}
	return nil
}

func (t *programTask) step() error {
	p := t.p
	switch op := p.next(); op % 12 {
	case 0, 1, 2:
		if t.level+1 < len(p.entries) && p.tasks < 60 {
			t.call()
		}
	case 3: // a callback that waits, or one that yields
		if len(t.children) > 0 && t.task.NeedsExclusive {
			return t.loop(&t.set)
		}
	case 4:
		if t.task.NeedsExclusive {
			return t.loop(nil)
		}
	case 5: // blocks with its frames
		_, err := t.thread.Yield(false)
		return err
	case 6:
		if len(t.children) > 0 {
			ev, err := t.set.Wait(t.thread, op >= 128)
			return t.told(ev, err)
		}
	case 7:
		if len(t.children) > 0 {
			return t.cancel(t.children[0], op >= 128)
		}
	case 8:
		if t.e.inc < 3 {
			t.e.inc++
			return t.e.AddBackpressure(1)
		}
	case 9:
		if t.e.inc > 0 {
			t.e.inc--
			return t.e.AddBackpressure(-1)
		}
	case 10:
		if !t.resolved {
			return t.task.Return(cm.Val{}, 0)
		}
	case 11:
		return t.told(t.set.Poll(t.task, true), nil)
	}
	return nil
}

// call is an asynchronous call of an instance below.
func (t *programTask) call() {
	sub := &Subtask{}
	child := t.p.newTask(t.level+1, sub.Resolve)
	sub.OnCancel = child.task.RequestCancel
	t.p.sched.Resume(child.thread, false)
	if t.p.sched.dead != nil {
		return
	}
	if child.entered && sub.State() == SubtaskStarting {
		sub.Start()
	}
	if sub.Resolved() {
		sub.Deliver()
		return
	}
	sub.Publish(uint32(t.p.tasks))
	sub.Join(&t.set)
	t.children = append(t.children, sub)
}

func (t *programTask) loop(set *WaitableSet) error {
	if t.e.inside == t {
		t.e.inside = nil
	}
	var rest cm.Job
	if t.p.next()%4 != 0 {
		rest = cm.JobFunc(t.run)
	}
	ev, resting, err := t.task.Loop(t.thread, set, rest)
	if resting {
		t.resting, t.waits = true, set
		return errResting
	}
	return t.looped(ev, err)
}

func (t *programTask) looped(ev Event, err error) error {
	if err != nil {
		return err
	}
	t.code()
	return t.told(ev, nil)
}

// told is what a guest makes of an event.
func (t *programTask) told(ev Event, err error) error {
	if err != nil {
		return err
	}
	switch ev.Code {
	case EventTaskCancelled:
		if t.resolved || t.task.State() != CancelDelivered {
			t.p.bad("a task was told of a cancellation in state %d", t.task.State())
			return nil
		}
		return t.task.Cancel(0)
	case EventSubtask:
		for i, c := range t.children {
			if c.handle != ev.Handle {
				continue
			}
			if c.Resolved() != c.Delivered() {
				t.p.bad("an end that was told is not delivered")
			}
			if c.Delivered() {
				t.children = append(t.children[:i:i], t.children[i+1:]...)
				return c.Drop()
			}
		}
	}
	return nil
}

func (t *programTask) cancel(c *Subtask, async bool) error {
	if c.requested || c.Delivered() {
		return nil
	}
	if !async {
		c.Join(nil)
	}
	state, err := c.Cancel(func() (*Thread, error) { return t.thread, nil }, async)
	if err != nil {
		return err
	}
	if state == Blocked != !c.Resolved() {
		t.p.bad("subtask.cancel gave %#x in state %d", state, c.State())
	}
	if c.Delivered() {
		t.children = t.children[1:]
		return c.Drop()
	}
	return nil
}

func runProgram(t testing.TB, tape []byte) {
	p := &program{t: t, tape: tape}
	stopped := errors.New("deadlock")
	p.sched.Deadlock = func() { p.sched.Kill(stopped) }
	p.sched.Stuck = func(any) { p.bad("nobody is enclosed") }
	over := make(chan struct{})
	var once sync.Once
	p.sched.Idle = func() bool {
		once.Do(func() { close(over) })
		return false
	}
	roots := make([]*programTask, 0, 4)
	p.sched.Post(cm.JobFunc(func() {
		for range 1 + int(p.next()%4) {
			r := p.newTask(0, func(bool) { p.sched.Await(-1) })
			p.sched.Await(1)
			r.thread.ResumeLater()
			roots = append(roots, r)
		}
	}))
	for range int(tape[0] % 4) { // callers that leave, whenever that is
		p.sched.Post(cm.JobFunc(func() {
			if p.sched.dead == nil && !roots[0].resolved {
				roots[0].task.RequestCancelSoon()
			}
		}))
	}
	select {
	case <-over:
	case <-time.After(3 * time.Second):
		panic(fmt.Sprintf("nothing goes on: baton %d ready %d parked %v callers %d live %d dead %v", p.sched.state.Load(), len(p.sched.ready)-p.sched.head, p.sched.parked != nil, p.sched.callers, p.sched.live, p.sched.dead))
	}
	self := p.sched.NewThread(nil, nil)
	if err := p.sched.Enter(context.Background(), self); err != nil {
		t.Fatal(err)
	}
	dead := p.sched.dead
	p.sched.Kill(errors.New("the end"))
	p.sched.Settle(self)
	if p.sched.live != 0 || p.sched.outstanding != 0 {
		t.Errorf("%d threads and %d works are left", p.sched.live, p.sched.outstanding)
	}
	p.sched.Leave()
	for _, e := range p.errs {
		t.Error(e)
	}
	for _, r := range roots {
		if dead == nil && !r.resolved {
			t.Error("a call has neither a result nor an error")
		}
	}
}

// TestPrograms runs random programs.
func TestPrograms(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		tape := make([]byte, 400)
		for i := range tape {
			tape[i] = byte(r.UintN(256))
		}
		if runProgram(t, tape); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzPrograms is TestPrograms for any program.
func FuzzPrograms(f *testing.F) {
	f.Add([]byte{1, 0, 0, 3, 4, 5, 6, 7, 10})
	f.Fuzz(func(t *testing.T, tape []byte) {
		if len(tape) == 0 || len(tape) > 2000 {
			return
		}
		runProgram(t, tape)
	})
}
