package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// invoker runs a workload's invocations until it is closed.
type invoker struct {
	log     *slog.Logger
	console LogSink
	entries map[string]*entry // by target
}

var _ Invoker = (*invoker)(nil)

// InvokerConfig configures the output of an Invoker without a workload.
type InvokerConfig struct {
	// Console gets a line for each failed invocation; nil for none. The component's interceptor sees it in any case.
	Console LogSink
	// Logger gets panics; slog.Default when nil.
	Logger *slog.Logger
}

// NewInvoker makes an Invoker for the one component of a pool, for embedders that have no workload; the component's name is
// that of pool.Linked(). Events are seen by the interceptor that the component was linked with. Closing the pool ends its
// invocations; there is nothing else to close.
func NewInvoker(pool *component.Pool, c InvokerConfig) Invoker {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	linked := pool.Linked()
	name := linked.Name()
	return &invoker{log: c.Logger, console: c.Console, entries: map[string]*entry{
		name: {name: name, interceptor: linked.Interceptor(), pool: pool, line: LogLine{Component: name}},
	}}
}

// Linked finds what events can call.
func (v *invoker) Linked(target string) (*component.Linked, error) {
	if e := v.entries[target]; e != nil && e.linked() != nil {
		return e.linked(), nil
	}
	return nil, fmt.Errorf("component %s is no component that an event can reach", target)
}

// stopPrewarm ends work ahead of invocations.
func (v *invoker) stopPrewarm() {
	for _, e := range v.entries {
		if e.pool != nil {
			e.pool.StopPrewarm()
		}
	}
}

// close closes the pools. An error says that some invocations go on: wait waits for them.
func (v *invoker) close(ctx context.Context) error {
	stuck := make(chan error, len(v.entries))
	for _, e := range v.entries {
		go func() { stuck <- e.close(ctx) }()
	}
	var err error
	for range v.entries {
		err = cmp.Or(<-stuck, err)
	}
	return err
}

func (v *invoker) wait() {
	for _, e := range v.entries {
		e.wait()
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
	x := &execution{v: v, e: e, inv: inv, outer: ctx}
	x.enter()
	defer x.giveBack() // after the event's end, which must not wait for a reset
	outcome, err := x.run()
	if inv.begun == nil {
		x.leave(outcome, err)
	}
	return err
}

// shortOf makes the trap of a guest that has ended because the process's budget refused it memory one of an overload: it is the host's state that
// failed it, and the same event may succeed later.
func shortOf(err error) error {
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Blame() != cm.BlameGuest || trap.Limit() != cm.LimitBudget {
		return err
	}
	detail := "the guest ended because it got no more memory: the memory budget of the process has no room (--memory-budget)"
	return &cm.Trap{Code: cm.TrapOverload, Boundary: trap.Boundary, Detail: detail, Stack: trap.Stack, Err: fmt.Errorf("%w: %w", &cm.LimitError{Limit: cm.LimitBudget, Detail: detail}, err)}
}

// returned says whether the guest ended without a trap or an exit, even if it gave no answer.
func returned(err error) bool {
	if err == nil {
		return true
	}
	var answer *cm.AnswerError
	var exit *cm.ExitError
	return errors.As(err, &answer) && !errors.As(err, &exit)
}

// logPanic logs the stack of Go code that the guest had called and that panicked, which is too long for an error's text.
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
