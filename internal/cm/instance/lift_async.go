package instance

import (
	"time"

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

// pause is what the first thread of an asynchronous call keeps while it waits without a goroutine, between two calls of guest code.
type pause struct {
	job   cm.Job // it goes on with
	stack []uint64
	set   *task.WaitableSet // that it waits for; nil: it yields
	since time.Duration
}

// runTask is the first thread of an asynchronous call (CanonicalABI.md §canon lift, thread_func). args takes the arguments
// when the task has come in. If resting is set, p's job has to call resumeTask.
func (s *Store) runTask(a *activation, b *cm.Boundary, args func() ([]cm.Val, error), p *pause) (resting bool, err error) {
	if err := a.tooDeep(b); err != nil {
		return false, err
	}
	start := clock()
	entered, err := a.task.Enter(a.thread)
	a.Tally.AddWait(clock() - start)
	if err != nil || !entered {
		a.ended = true
		if err != nil {
			if resumed := a.resume(); resumed != nil {
				return false, resumed
			}
		}
		return false, err
	}
	a.task.Start()
	resting, err = s.runEntered(a, args, p)
	return resting, s.ranTask(a, p, resting, err)
}

// resumeTask goes on with a call that has rested. If resting is set, it has to be called again.
func (s *Store) resumeTask(a *activation, p *pause) (resting bool, err error) {
	ev, err := a.task.GoOn(a.thread, p.set)
	if err = s.callBack(a, p, ev, err); err == nil {
		resting, err = s.callbackLoop(a, p)
	}
	return resting, s.ranTask(a, p, resting, err)
}

// ranTask ends the task, unless it rests.
func (s *Store) ranTask(a *activation, p *pause, resting bool, err error) error {
	if resting {
		return nil
	}
	if p.stack != nil {
		s.giveStack(p.stack)
		p.stack = nil
	}
	a.ended = true
	if err != nil {
		return err
	}
	return a.task.Exit()
}

func (s *Store) runEntered(a *activation, args func() ([]cm.Val, error), p *pause) (resting bool, err error) {
	l := a.lift
	vals, err := args()
	if err != nil {
		return false, err
	}
	cx, err := s.context(a, l.Instance, &l.Options)
	if err != nil {
		return false, err
	}
	a.core.Run()
	p.stack = s.takeStack(l.fn.StackLen())
	return s.runGuest(cx, a, vals, p)
}

// runGuest calls the guest's code with the arguments vals.
func (s *Store) runGuest(cx *canon.Context, a *activation, vals []cm.Val, p *pause) (resting bool, err error) {
	l := a.lift
	if err := l.fn.LowerArgs(cx, vals, p.stack); err != nil {
		dropVals(a, l.fn.Type.Params, vals)
		return false, err
	}
	f, err := s.fn(l.Func)
	if err != nil {
		return false, err
	}
	if err := f.Call(a, p.stack); err != nil {
		return false, err
	}
	switch {
	case !l.Async:
		return false, s.returnSync(a, l, p.stack)
	case l.Callback < 0:
		return false, nil
	}
	return s.callbackLoop(a, p)
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

// callbackLoop calls a guest back until it says that it has done, or has to wait, without a goroutine.
func (s *Store) callbackLoop(a *activation, p *pause) (resting bool, err error) {
	for {
		exit, err := s.unpack(a, p)
		if exit || err != nil {
			return false, err
		}
		a.core.Rest()
		p.since = clock()
		ev, resting, err := a.task.Loop(a.thread, p.set, p.job)
		if resting {
			return true, nil
		}
		if err := s.callBack(a, p, ev, err); err != nil {
			return false, err
		}
	}
}

// unpack reads what the guest has returned: that it has done, or what it waits for.
func (s *Store) unpack(a *activation, p *pause) (exit bool, err error) {
	packed := uint32(p.stack[0])
	p.set = nil
	switch code := packed & 0xf; code {
	case callbackExit:
		return true, nil
	case callbackYield:
	case callbackWait:
		object, err := s.instances[a.lift.Instance].table.Object(packed>>4, handle.WaitableSet)
		if err != nil {
			return false, err
		}
		p.set = object.(*task.WaitableSet)
	default:
		return false, cm.Trapf(cm.TrapCallback, "unsupported callback code: %d", code)
	}
	return false, nil
}

// callBack calls the guest's callback with the event for which it has waited; failed is the error of the wait.
func (s *Store) callBack(a *activation, p *pause, ev task.Event, failed error) error {
	a.Tally.AddWait(clock() - p.since)
	if resumed := a.resume(); resumed != nil {
		return resumed
	}
	if failed != nil {
		return failed
	}
	callback, err := s.fn(a.lift.Callback)
	if err != nil {
		return err
	}
	p.stack[0], p.stack[1], p.stack[2] = uint64(ev.Code), uint64(ev.Handle), uint64(ev.Payload)
	return callback.Call(a, p.stack)
}
