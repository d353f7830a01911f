package task

import (
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestIdleIsToldBehindWhatIsPosted: nothing can go on only once what was posted has run.
func TestIdleIsToldBehindWhatIsPosted(t *testing.T) {
	var s Sched
	posted, told := false, 0
	s.Idle = func() bool {
		if told++; !posted {
			t.Error("told before what was posted had run")
		}
		return false
	}
	s.TryEnter()
	s.Post(cm.JobFunc(func() { posted = true }))
	if s.Leave(); told == 0 || !s.TryEnter() {
		t.Errorf("told %d times", told)
	}
}

// TestCancellationWhileTheInstanceIsTaken: the host asks for the cancellation of a task that waits for an event while another task, which is
// parked with its frames, has the instance for itself. The task is told as soon as it can have the instance, and not with its next event.
func TestCancellationWhileTheInstanceIsTaken(t *testing.T) {
	for _, rests := range []bool{false, true} {
		var s Sched
		var e Entry
		s.OnFail = func(err error) { t.Error(err) }
		told := make(chan Event, 1)
		task := func() *Task {
			return &Task{entry: &e, Async: true, NeedsExclusive: true, OnResolve: func(cm.Val, bool) error { return nil }}
		}
		begin := func(of *Task, run func(th *Thread, again cm.Job)) {
			var th *Thread
			var job cm.JobFunc
			job = func() { run(th, job) }
			th = s.NewThread(of, job)
			s.Post(cm.JobFunc(th.ResumeLater))
		}

		waits, set := task(), &WaitableSet{}
		begun := false
		end := func(ev Event, err error) {
			if err != nil {
				t.Error(err)
			}
			told <- ev
			if err := waits.Cancel(0); err != nil {
				t.Error(err)
			}
			if err := waits.Exit(); err != nil {
				t.Error(err)
			}
		}
		begin(waits, func(th *Thread, again cm.Job) {
			if begun {
				end(waits.GoOn(th, set))
				return
			}
			begun = true
			if _, err := waits.Enter(th); err != nil {
				t.Error(err)
			}
			waits.Start()
			var rest cm.Job
			if rests {
				rest = again
			}
			if ev, resting, err := waits.Loop(th, set, rest); !resting {
				end(ev, err)
			}
		})

		holds, free := task(), false
		var holder *Thread
		parked := make(chan struct{})
		begin(holds, func(th *Thread, _ cm.Job) {
			holder = th
			if _, err := holds.Enter(th); err != nil {
				t.Error(err)
			}
			holds.Start()
			close(parked)
			if _, err := th.WaitUntil(func() bool { return free }, false); err != nil {
				t.Error(err)
			}
			if err := holds.Return(cm.Val{}, 0); err != nil {
				t.Error(err)
			}
			if err := holds.Exit(); err != nil {
				t.Error(err)
			}
		})
		<-parked
		s.Post(cm.JobFunc(waits.RequestCancelSoon))
		s.Post(cm.JobFunc(func() { free = true; holder.Wake() }))
		select {
		case ev := <-told:
			if ev.Code != EventTaskCancelled {
				t.Errorf("rests %t: told %v", rests, ev)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("rests %t: the task is not told", rests)
		}
	}
}
