package task

import (
	"testing"

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
