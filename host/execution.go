package host

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// execution is an invocation on its way: enter, run, leave, giveBack, in this order. One that is in two parts ([Parts]) stops in the middle
// of run, and end does the rest.
type execution struct {
	v        *invoker
	e        *entry
	inv      *Invocation
	outer    context.Context // the trigger's, in the event's boundary
	crossing *cm.Crossing    // of the event's boundary; nil: nobody observes
	seat     component.Seat
	inst     *component.Instance // from the work's beginning on
}

// enter enters the event's boundary.
func (x *execution) enter() {
	b := x.e.boundary(x.inv.Trigger, x.inv.Name)
	if b.hooks != nil {
		x.crossing = cm.NewCrossing(b.cm, cm.CallFrom(x.outer), x.outer)
		x.crossing.Subject = x.inv.Subject
		x.outer = cm.WithCall(x.crossing.Enter(b.hooks), &x.crossing.Call)
	}
}

// leave reports how the invocation has ended, and leaves the event's boundary.
func (x *execution) leave(outcome cm.Outcome, err error) {
	if v := x.v; v.console != nil && outcome != cm.OK {
		line := x.e.line
		line.Stream, line.Severity, line.Text = "failed", severityOf(outcome, err), failure(x.inv, err)
		v.console.Log(x.outer, line)
	}
	x.v.logPanic(x.outer, x.inv, err)
	if x.crossing != nil {
		end := cm.End{Outcome: outcome, Err: err} // the export's own boundary measures the time split
		if outcome == cm.OK {
			end.Err, end.Value = nil, err
		}
		x.crossing.Leave(cm.Val{}, end)
	}
}

// giveBack gives the seat back, unless the invocation goes on.
func (x *execution) giveBack() {
	if x.inv.begun == nil {
		x.seat.Return()
	}
}

// run enters the pool, waits for a seat, does the work, settles, and leaves the seat, in this order, so that an answer does not wait
// for memory to be given back.
func (x *execution) run() (cm.Outcome, error) {
	inv := x.inv
	if inv.Alone != nil {
		err := inv.Refuse
		if err == nil {
			err = x.v.guard("invocation", func() error { return inv.Alone(x.outer) })
		}
		return x.settle(x.outer, err)
	}
	pool, err := x.e.current(x.outer, inv)
	if err == nil && pool == nil {
		err = fmt.Errorf("there is no component to call")
	}
	if err != nil {
		return x.settle(x.outer, err)
	}
	x.seat.Unbounded = inv.Unbounded
	if err := x.seat.Enter(x.outer, pool); err != nil {
		return x.settle(x.outer, err)
	}
	well := false
	defer func() {
		if inv.begun == nil {
			x.seat.Leave(well)
		}
	}()
	if inv.Refuse != nil {
		return x.settle(x.outer, inv.Refuse)
	}
	err = x.work()
	if inv.begun != nil {
		return cm.OK, nil
	}
	outcome, settled := x.settle(x.seat.Context(), err)
	well = returned(err) && returned(settled)
	return outcome, settled
}

// work waits for a seat and does the work in it, or begins it.
func (x *execution) work() error {
	inv, sit := x.inv, x.seat.Sit
	if inv.NoWait {
		sit = x.seat.TrySit
	}
	inst, err := sit()
	if err != nil {
		return err
	}
	if x.crossing != nil {
		x.crossing.Instance = inst.Info()
	}
	x.inst = inst
	ctx := x.seat.Context()
	if inv.Parts == nil {
		return shortOf(x.v.guard("invocation", func() error { return inv.Run(ctx, inst) }))
	}
	err = shortOf(x.v.guard("invocation", func() error { return inv.Parts.Begin(ctx, inst) }))
	if err == nil {
		inv.begun = x
	}
	return err
}

// end is the second part of an invocation in two.
func (x *execution) end() error {
	defer x.seat.Return()
	outcome, err := x.finish()
	x.leave(outcome, err)
	return err
}

// finish waits for the end of the work that has begun, settles, and leaves the seat.
func (x *execution) finish() (cm.Outcome, error) {
	well := false
	defer func() { x.seat.Leave(well) }()
	ctx := x.seat.Context()
	err := shortOf(x.v.guard("invocation", func() error { return x.inv.Parts.Finish(ctx) }))
	outcome, settled := x.settle(ctx, err)
	well = returned(err) && returned(settled)
	return outcome, settled
}

// settle classifies the end of an invocation in ctx and has the trigger settle it. The trigger's own context may go on when the
// invocation's has ended.
func (x *execution) settle(ctx context.Context, err error) (cm.Outcome, error) {
	outcome, err := classify(ctx, err)
	if x.inv.Settle != nil {
		if failed := x.v.guard("settle", func() error { x.inv.Settle(x.outer, err); return nil }); failed != nil {
			return cm.Aborted, failed
		}
	}
	return outcome, err
}
