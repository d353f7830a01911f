package servers

import (
	"testing"
	"time"
)

// Killable is a server that a test kills and starts again, with its data.
type Killable interface {
	Kill()
	Start()
}

// Killed checks that what a server has acknowledged is there after it was killed, three times while somebody writes: write stores the value of a
// number, and check finds it. Each time at least so many writes more were acknowledged. down is a call while the server is not there, which has to
// fail. When the server is there again, calls have to succeed with nothing done here.
func Killed(t *testing.T, s Killable, each int, write func(n int) error, down func() error, check func(n int) error) {
	t.Helper()
	acknowledged := make(chan int)
	stop := make(chan struct{})
	go func() {
		defer close(acknowledged)
		for n := 0; ; n++ {
			if err := write(n); err == nil {
				acknowledged <- n
			} else {
				time.Sleep(time.Millisecond) // a backend may fail at once
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	var all []int
	read := func(n int) {
		for len(all) < n {
			all = append(all, <-acknowledged)
		}
	}
	for round := range 3 {
		read((round + 1) * each)
		s.Kill()
		if err := down(); err == nil {
			t.Error("a call of a server that is down succeeded")
		}
		s.Start()
	}
	read(4 * each)
	close(stop)
	for n := range acknowledged {
		all = append(all, n)
	}
	for _, n := range all {
		if err := check(n); err != nil {
			t.Fatalf("%d was acknowledged: %v", n, err)
		}
	}
	t.Logf("%d writes were acknowledged, the server was killed 3 times, none is lost", len(all))
}
