package task

// run has t begin, on a goroutine of its own.
func (s *Sched) run(t *Thread) {
	body := t.body
	t.body = nil
	s.live++
	go func() {
		defer t.exit() // also if the host ends the goroutine
		growStack()
		body.Run()
	}()
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
