package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
	"github.com/vitrine-wasm/vitrine/workload"
)

// instanceIDs numbers the instances of the process.
var instanceIDs atomic.Uint64

// entry is a component that events can reach: linked, with what its invocations need.
type entry struct {
	spec        *workload.Component
	linked      *component.Linked
	interceptor cm.Interceptor
	pool        *pool
	reuse       reuse
	limits      workload.Limits
	ready       int           // instances that are made before events come, and kept
	processors  int           // at most so many invocations leave a processor to spare
	refilling   atomic.Bool   // see refill
	resetting   atomic.Int64  // busy ones that are made ready, behind their invocation
	stacks      atomic.Int64  // bytes of deep stacks that its instances have
	deadline    time.Duration // 0: none
	late        func() error  // what ends an invocation when it has passed

	line   LogLine  // of no text: whose the lines are that tell of it
	events sync.Map // eventKey → *event
}

type eventKey struct{ trigger, name string }

// event is the boundary of one kind of event, bound once.
type event struct {
	boundary *cm.Boundary
	hooks    cm.Hooks
}

func (e *entry) event(trigger, name string) *event {
	key := eventKey{trigger, name}
	if ev, ok := e.events.Load(key); ok {
		return ev.(*event)
	}
	ev := &event{boundary: &cm.Boundary{Kind: cm.Event, Caller: cm.Path(trigger), Callee: cm.Path(e.spec.Name), Func: name}}
	if e.interceptor != nil {
		ev.hooks = e.interceptor.Bind(ev.boundary)
	}
	kept, _ := e.events.LoadOrStore(key, ev)
	return kept.(*event)
}

// invoker runs a workload's invocations until it is stopped.
type invoker struct {
	log     *slog.Logger
	console LogSink
	entries map[string]*entry

	kill   reqctx.Context     // ends when invocations must not go on
	ahead  context.Context    // ends when nothing is to be made ready any more
	rest   context.CancelFunc // ends ahead
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

var _ Invoker = (*invoker)(nil)

func newInvoker(kill context.Context, h *Local, entries map[string]*entry) *invoker {
	v := &invoker{log: h.log, console: h.cfg.Console, entries: entries}
	v.kill.Begin(kill)
	v.ahead, v.rest = context.WithCancel(context.Background()) // what is done ahead belongs to no trace
	for _, e := range entries {
		e.reuse.idle.close = func(m *member) { v.closeInstance(kill, e, m.inst) }
	}
	return v
}

// Linked finds a component that events can reach.
func (v *invoker) Linked(name string) (*component.Linked, error) {
	if e := v.entries[name]; e != nil {
		return e.linked, nil
	}
	return nil, fmt.Errorf("component %s is no component that an event can reach", name)
}

// admit counts an invocation in, unless the workload is stopping.
func (v *invoker) admit() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.wg.Add(1)
	return true
}

// drain admits nothing more and waits for what runs, until ctx ends.
func (v *invoker) drain(ctx context.Context) error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.rest()
	done := make(chan struct{})
	go func() {
		v.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Invoke implements Invoker: the boundary is entered first, so that waiting, refusal and answer are all part of the
// event.
func (v *invoker) Invoke(ctx context.Context, inv *Invocation) error {
	e := v.entries[inv.Component]
	if e == nil {
		_, err := v.Linked(inv.Component)
		if inv.Settle != nil {
			inv.Settle(ctx, err)
		}
		return err
	}
	ev := e.event(inv.Trigger, inv.Name)
	var x *cm.Crossing
	var call *cm.Call
	if ev.hooks != nil {
		x = cm.NewCrossing(ev.boundary, cm.CallFrom(ctx), ctx)
		call = &x.Call
		call.Subject = inv.Subject
		ctx = cm.WithCall(x.Enter(ev.hooks), call)
	}
	var t seat
	defer v.endSeat(e, &t)
	outcome, err := v.run(ctx, e, call, inv, &t)
	if v.console != nil && outcome != cm.OK {
		line := e.line
		line.Stream, line.Severity, line.Text = "failed", severityOf(outcome, err), failure(inv, err)
		v.console.Log(ctx, line)
	}
	v.logPanic(ctx, inv, err)
	if x != nil {
		end := cm.End{Outcome: outcome, Err: err} // the export's own boundary measures the time split
		if outcome == cm.OK {
			end.Err, end.Value = nil, err
		}
		x.Leave(cm.Val{}, end)
	}
	return err
}

// run waits for its turn, takes a seat in an instance, does the work in it, settles, and lets go of the instance, in this order: an
// answer does not wait for memory to be given back.
func (v *invoker) run(outer context.Context, e *entry, call *cm.Call, inv *Invocation, t *seat) (cm.Outcome, error) {
	if t.admitted = v.admit(); !t.admitted {
		return v.settle(outer, outer, inv, cm.Trapf(cm.TrapOverload, "%w: %s takes no more", cm.ErrStopping, e.spec.Name))
	}
	if inv.Refuse != nil {
		return v.settle(outer, outer, inv, inv.Refuse)
	}
	ctx := &t.ctx
	ctx.Begin(outer)
	defer ctx.Cancel(nil)
	t.kill.Begin(&v.kill, t)
	defer t.kill.End()
	if e.deadline > 0 {
		ctx.SetTimeout(e.deadline, e.late)
	}
	if err := v.acquire(ctx, e); err != nil {
		return v.settle(ctx, outer, inv, err)
	}
	t.slot = true

	var m *member
	var inst *component.Instance // as the invocation has it
	err := v.guard("invocation", func() (err error) {
		if m, err = v.member(ctx, e); err != nil {
			return err
		}
		inst = m.sit(&t.use)
		if call != nil {
			call.Instance = inst.Info()
		}
		return inv.Run(ctx, inst)
	})
	well := returned(err)
	outcome, err := v.settle(ctx, outer, inv, err)
	if inst != nil {
		t.used = true
		t.member = v.letGo(ctx, e, m, inst, well && returned(err))
	}
	return outcome, err
}

// returned says whether the guest came back by itself, whatever its answer was worth.
func returned(err error) bool {
	if err == nil {
		return true
	}
	var answer *cm.AnswerError
	var exit *cm.ExitError
	return errors.As(err, &answer) && !errors.As(err, &exit)
}

// settle classifies how an invocation in ctx ended and tells the trigger, whose own context may still be good when the
// invocation's is not.
func (v *invoker) settle(ctx, outer context.Context, inv *Invocation, err error) (cm.Outcome, error) {
	outcome, err := classify(ctx, err)
	if inv.Settle != nil {
		if failed := v.guard("settle", func() error { inv.Settle(outer, err); return nil }); failed != nil {
			return cm.Aborted, failed
		}
	}
	return outcome, err
}

// logPanic tells the operator where Go code panicked that the guest had called, which is too long for an error's text.
func (v *invoker) logPanic(ctx context.Context, inv *Invocation, err error) {
	if err == nil {
		return
	}
	var trap *cm.Trap
	if errors.As(err, &trap) && trap.HostStack != "" {
		v.log.ErrorContext(ctx, "host code panicked; please report this if it is vitrine's own",
			"component", inv.Component, "panic", trap.Detail, "stack", trap.HostStack)
	}
}

// guard runs f and makes a panic in it a trap: one request of one guest must not end the process.
func (v *invoker) guard(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			v.log.Error("panic in "+what+"; please report this", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = cm.Trapf(cm.TrapBug, "%s: %v; please report this", what, p)
		}
	}()
	return f()
}
