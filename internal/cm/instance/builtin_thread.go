package instance

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// gives writes the result of a built-in that has blocked.
func (b *builtIn) gives(a *activation, stack []uint64, f func(*task.Thread) (bool, error)) error {
	var cancelled bool
	err := a.parks(b.Instance, func(t *task.Thread) (err error) {
		cancelled, err = f(t)
		return err
	})
	stack[0] = 0
	if cancelled {
		stack[0] = 1
	}
	return err
}

// threadYield is canon thread.yield.
func (b *builtIn) threadYield(a *activation, stack []uint64) error {
	return b.gives(a, stack, func(t *task.Thread) (bool, error) { return t.Yield(b.Cancellable) })
}

// threadIndex is canon thread.index.
func (b *builtIn) threadIndex(a *activation, stack []uint64) error {
	t, err := a.self(b.Instance)
	if err == nil {
		stack[0] = uint64(t.Index())
	}
	return err
}

// threadSuspend is canon thread.suspend.
func (b *builtIn) threadSuspend(a *activation, stack []uint64) error {
	return b.gives(a, stack, func(t *task.Thread) (bool, error) { return t.Suspend(b.Cancellable) })
}

// other finds the thread that a built-in names; suspended says that it has to be.
func (b *builtIn) other(a *activation, index uint64, suspended bool) (*task.Thread, error) {
	t, err := b.in(a).entry.Thread(uint32(index))
	if err == nil && suspended && !t.Suspended() {
		err = cm.Trapf(cm.TrapThread, "cannot resume thread which is not suspended")
	}
	return t, err
}

// threadResumeLater is canon thread.resume-later.
func (b *builtIn) threadResumeLater(a *activation, stack []uint64) error {
	t, err := b.other(a, stack[0], true)
	if err == nil {
		t.ResumeLater()
	}
	return err
}

func (b *builtIn) switchTo(a *activation, stack []uint64, yield bool) error {
	other, err := b.other(a, stack[0], true)
	if err != nil {
		return err
	}
	return b.gives(a, stack, func(t *task.Thread) (bool, error) { return t.SwitchTo(other, b.Cancellable, yield) })
}

func (b *builtIn) threadSuspendThenResume(a *activation, stack []uint64) error {
	return b.switchTo(a, stack, false)
}

func (b *builtIn) threadYieldThenResume(a *activation, stack []uint64) error {
	return b.switchTo(a, stack, true)
}

func (b *builtIn) promote(a *activation, stack []uint64, yield bool) error {
	other, err := b.other(a, stack[0], false)
	if err != nil {
		return err
	}
	return b.gives(a, stack, func(t *task.Thread) (bool, error) { return t.Promote(other, b.Cancellable, yield) })
}

func (b *builtIn) threadSuspendThenPromote(a *activation, stack []uint64) error {
	return b.promote(a, stack, false)
}

func (b *builtIn) threadYieldThenPromote(a *activation, stack []uint64) error {
	return b.promote(a, stack, true)
}

// guestThread is a thread that a guest has made.
type guestThread struct {
	activation
	own core.Thread
	fn  *core.Func
	arg uint64

	account *cm.Account // that it is counted in
}

// threadNewIndirect is canon thread.new-indirect.
func (b *builtIn) threadNewIndirect(a *activation, stack []uint64) error {
	s := a.store
	if s.cores[b.Table.Module] == nil {
		return cm.Trapf(cm.TrapUninitialized, "table %q is not there yet", b.Table.Name)
	}
	fn, err := s.cores[b.Table.Module].TableFunc(b.Table.Name, uint32(stack[0]), oneI32)
	if err != nil {
		return err
	}
	if _, err := a.self(b.Instance); err != nil {
		return err
	}
	if err := s.account.Reserve(taskBytes); err != nil {
		return err
	}
	lead := a.first()
	g := &guestThread{fn: fn, arg: stack[1], account: s.account}
	n := &g.activation
	n.Context.Context, n.Call, n.Tally = lead.Context.Context, lead.Call, lead.Tally
	n.store, n.root, n.outer, n.lead, n.core = s, a.root, lead.outer, lead, &g.own
	n.task, n.instance, n.depth = a.task, a.instance, lead.depth
	n.thread = s.sched.NewThread(a.task, g)
	if err := a.task.Register(n.thread); err != nil {
		return err
	}
	stack[0] = uint64(n.thread.Index())
	return nil
}

// Run is the thread, on a goroutine of its own that has the baton.
func (g *guestThread) Run() {
	a := &g.activation
	s := a.store
	g.own.BeginPart(a.root.core)
	ended := false
	defer func() {
		if !ended {
			_ = s.panicked(recover(), nil, "a thread of the guest's")
		}
	}()
	stack := []uint64{g.arg}
	err := g.fn.Call(a, stack)
	ended = true
	a.ended = true
	if err == nil {
		err = a.task.Unregister(a.thread)
	}
	if err != nil {
		a.root.fail(err)
		_ = s.fail(err)
	}
	g.own.End(false)
	g.account.Release(taskBytes)
}
