package core

import (
	"context"
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// taskContext is a context of a task with one thread.
type taskContext struct {
	context.Context
	thread    Thread
	interrupt Interrupt
}

func (c *taskContext) Thread() *Thread { return &c.thread }

// begin makes a task of g.
func begin(g *Group, fuel uint64) *taskContext {
	c := &taskContext{Context: context.Background()}
	c.thread.Begin(g, &c.interrupt, fuel)
	return c
}

// actor is a task on a goroutine of its own that does what it is told, one step at a time: nobody else is inside the group
// meanwhile. "call_fail" parks in the host.
type actor struct {
	*taskContext
	steps chan func()
	done  chan struct{}
	err   error
}

func newActor(t *testing.T, g *Group, fuel uint64) *actor {
	a := &actor{taskContext: begin(g, fuel), steps: make(chan func()), done: make(chan struct{})}
	go a.run()
	t.Cleanup(func() { close(a.steps) })
	return a
}

// run takes steps until there is one that says return; see parked.
func (a *actor) run() {
	for f := range a.steps {
		if f == nil {
			return
		}
		f()
		a.done <- struct{}{}
	}
}

// do has the actor do f.
func (a *actor) do(f func()) {
	a.steps <- f
	<-a.done
}

// park begins a call that is parked in its host function when park returns; resume has that return and the call end.
func (a *actor) park(i *Instance) {
	a.steps <- func() { _, a.err = callIn(a, i, "call_fail") }
	<-a.done
}

func (a *actor) resume() error {
	a.steps <- nil
	<-a.done
	return a.err
}

// TestThreadsTakeTurns: of calls that are under way at once in one group, each parked while others run, each counts its own
// fuel, has its own limit and interrupt, and hears of its own refused growth.
func TestThreadsTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{Memory: 2 * pageSize, Tables: 3, CheckEvery: 8})
		i := w.must(g, "basics")
		w.onFail = func(ctx context.Context) error {
			a := ctx.(*actor)
			a.done <- struct{}{}
			a.run() // as long as it is parked, in calls that stand in this one
			a.thread.Run()
			return w.fail
		}
		const limit = 200
		one, two, three := newActor(t, g, 0), newActor(t, g, limit), newActor(t, g, 0)
		actors := []*actor{one, two, three}
		before := make([]uint64, len(actors))
		for n, a := range actors {
			a.park(i)
			before[n] = a.thread.Fuel()
		}
		total := g.Fuel()
		used := func() (out [3]uint64) {
			for n, a := range actors {
				out[n] = a.thread.Fuel() - before[n]
			}
			return
		}
		loop := func(a *actor, n uint64) (err error) {
			a.do(func() { _, err = callIn(a, i, "count", n) })
			return err
		}
		for round := range 3 {
			for n, a := range actors {
				if err := loop(a, uint64(10*(n+1))); err != nil {
					t.Fatal(round, n, err)
				}
			}
		}
		u := used()
		if !(u[0] >= 30 && u[1] >= 60 && u[2] >= 90) || u[1]-u[0] != 30 || u[2]-u[1] != 30 || u[0] > 50 {
			t.Errorf("used %v", u)
		}
		if sum := u[0] + u[1] + u[2]; g.Fuel()-total != sum {
			t.Errorf("the group has used %d, its threads %d", g.Fuel()-total, sum)
		}
		if err := loop(one, 10*limit); err != nil {
			t.Errorf("a thread without a limit: %v", err)
		}
		if err := loop(two, limit); code(err) != cm.TrapFuel || two.thread.Fuel() > limit+8 {
			t.Errorf("over its limit: %v, %d", err, two.thread.Fuel())
		}

		// What is refused is told to whom it was refused, whoever asks first.
		one.do(func() { _, _ = callIn(one, i, "grow", 2) })
		three.do(func() { _, _ = callIn(three, i, "grow_table", 4) })
		got := ""
		for _, a := range actors {
			got += fmt.Sprintf(" %v", a.thread.Refused() != nil)
		}
		if got != " true false true" || one.thread.Refused() != nil {
			t.Errorf("refused:%s", got)
		}

		// An interrupt ends one of them, and not who is parked around or beside it.
		stop := &cm.Trap{Code: cm.TrapDeadline}
		three.interrupt.Set(stop)
		var err error
		three.do(func() { _, err = callIn(three, i, "spin") })
		if code(err) != cm.TrapDeadline {
			t.Errorf("interrupted: %v", err)
		}
		if err := loop(one, 5); err != nil {
			t.Errorf("not interrupted: %v", err)
		}
		for _, a := range []*actor{two, one, three} { // in another order than they came
			if err := a.resume(); err != w.fail {
				t.Errorf("resumed: %v", err)
			}
			a.thread.End(false)
		}
		if g.current != nil {
			t.Error("a thread is left")
		}
	})
}
