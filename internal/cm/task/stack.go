package task

// run has t begin or go on, on a new goroutine.
func (s *Sched) run(t *Thread) { go t.work() }

// work is what a goroutine of the scheduler's does: when t ends, or rests, it runs the next thread that has no goroutine.
func (t *Thread) work() {
	growStack()
	for t != nil {
		t = t.step()
	}
}

// step has t begin or go on, on this goroutine, until it ends or rests. It returns the thread that this goroutine is to run next; nil:
// another one has the baton, or nobody.
func (t *Thread) step() (next *Thread) {
	job := t.rest
	t.rest = nil
	if job == nil {
		job, t.body = t.body, nil
		t.sched.live++
	}
	ended := false
	defer func() {
		if !ended { // the host has ended the goroutine
			t.exit()
		}
	}()
	job.Run()
	ended = true
	return t.leave()
}

// growStack makes the goroutine's stack as large as most threads are going to need. Growing it in steps, from deep inside guest and host
// calls, copies those frames each time, which takes an eighth of the time of a short request.
//
//go:noinline
func growStack() {
	var room [9 << 10]byte
	use(&room)
}

//go:noinline
func use(*[9 << 10]byte) {}
