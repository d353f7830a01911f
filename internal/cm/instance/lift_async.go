package instance

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
)

// Codes that a callback returns (CanonicalABI.md §canon lift, unpack_callback_result).
const (
	callbackExit = iota
	callbackYield
	callbackWait
)

// runTask is the first thread of an asynchronous call (CanonicalABI.md §canon lift, thread_func). args takes the arguments
// when the task has come in.
func (s *Store) runTask(a *activation, l *lift, b *cm.Boundary, args func() ([]cm.Val, error)) error {
	if err := a.tooDeep(b); err != nil {
		return err
	}
	start := clock()
	entered, err := a.task.Enter(a.thread)
	a.Tally.AddWait(clock() - start)
	if err != nil || !entered {
		a.ended = true
		if err != nil {
			if resumed := a.resume(); resumed != nil {
				return resumed
			}
		}
		return err
	}
	a.task.Start()
	err = s.runEntered(a, l, args)
	a.ended = true
	if err != nil {
		return err
	}
	return a.task.Exit()
}

func (s *Store) runEntered(a *activation, l *lift, args func() ([]cm.Val, error)) error {
	vals, err := args()
	if err != nil {
		return err
	}
	cx, err := s.context(a, l.Instance, &l.Options)
	if err != nil {
		return err
	}
	a.core.Run()
	stack := s.takeStack(l.fn.StackLen())
	err = s.runGuest(cx, a, l, vals, stack)
	s.giveStack(stack)
	return err
}

// runGuest calls the guest's code with the arguments vals.
func (s *Store) runGuest(cx *canon.Context, a *activation, l *lift, vals []cm.Val, stack []uint64) error {
	if err := l.fn.LowerArgs(cx, vals, stack); err != nil {
		dropVals(a, l.fn.Type.Params, vals)
		return err
	}
	f, err := s.fn(l.Func)
	if err != nil {
		return err
	}
	if err := f.Call(a, stack); err != nil {
		return err
	}
	switch {
	case !l.Async:
		return s.returnSync(a, l, stack)
	case l.Callback < 0:
		return nil
	}
	return s.callbackLoop(a, l, stack)
}

// returnSync takes the result of a function of an async type that is lifted by the synchronous ABI.
func (s *Store) returnSync(a *activation, l *lift, stack []uint64) error {
	cx, err := s.context(a, l.Instance, &l.Options)
	if err != nil {
		return err
	}
	result, err := l.fn.LiftResult(cx, stack)
	if err != nil {
		s.dropMoved(a)
		return err
	}
	if err := a.task.Return(result, a.Borrows.Count()); err != nil {
		cm.DropOwned(a, l.fn.Type.Result, result)
		return err
	}
	a.core.Run()
	return s.postReturn(a, l, stack)
}

// postReturn calls the function that a guest wants called once its result has been taken.
func (s *Store) postReturn(a *activation, l *lift, stack []uint64) error {
	if l.PostReturn < 0 {
		return nil
	}
	post, err := s.fn(l.PostReturn)
	if err != nil {
		return err
	}
	e := &s.instances[l.Instance].entry
	e.NoLeave = true
	err = post.CallOn(a.core, a, stack)
	e.NoLeave = false
	return err
}

// callbackLoop calls a guest back until it says that it has done.
func (s *Store) callbackLoop(a *activation, l *lift, stack []uint64) error {
	callback, err := s.fn(l.Callback)
	if err != nil {
		return err
	}
	ci := &s.instances[l.Instance]
	for {
		packed := uint32(stack[0])
		var set *task.WaitableSet
		switch code := packed & 0xf; code {
		case callbackExit:
			return nil
		case callbackYield:
		case callbackWait:
			object, err := ci.table.Object(packed>>4, handle.WaitableSet)
			if err != nil {
				return err
			}
			set = object.(*task.WaitableSet)
		default:
			return cm.Trapf(cm.TrapCallback, "unsupported callback code: %d", code)
		}
		a.core.Rest()
		start := clock()
		ev, err := a.task.Loop(a.thread, set)
		a.Tally.AddWait(clock() - start)
		if resumed := a.resume(); resumed != nil {
			return resumed
		}
		if err != nil {
			return err
		}
		stack[0], stack[1], stack[2] = uint64(ev.Code), uint64(ev.Handle), uint64(ev.Payload)
		if err := callback.Call(a, stack); err != nil {
			return err
		}
	}
}
