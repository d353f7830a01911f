package task

// maxSpare bounds the goroutines that a store keeps while they have nothing to do.
const maxSpare = 8

// worker is a goroutine that runs threads of a store, one after the other: the stack that it has grown for one serves the next.
// It gets them by this channel, which has room for one, and ends when that is closed.
type worker chan *Thread

// run has t begin, on a goroutine that has run another thread before if one is spare.
func (s *Sched) run(t *Thread) {
	s.live++
	if last := len(s.spare) - 1; last >= 0 {
		w := s.spare[last]
		s.spare = s.spare[:last]
		w <- t
		return
	}
	go work(t)
}

func work(t *Thread) {
	w := make(worker, 1)
	for t != nil && t.begin(w) {
		t = <-w
	}
}

// begin runs t to its end, and says whether w is spare from then on.
func (t *Thread) begin(w worker) (kept bool) {
	s, body := t.sched, t.body
	t.body = nil
	ended := false
	growStack()
	defer func() {
		if !ended { // the host ends the goroutine
			t.exit()
		}
	}()
	body.Run()
	ended = true
	if kept = s.dead == nil && len(s.spare) < maxSpare; kept {
		s.spare = append(s.spare, w)
	}
	t.exit()
	return kept
}

// dismiss ends the goroutines that have nothing to do.
func (s *Sched) dismiss() {
	for _, w := range s.spare {
		close(w)
	}
	s.spare = nil
}

// growStack makes the goroutine's stack as large as most threads are going to need. Growing it in steps, from deep inside guest and host
// calls, copies those frames each time.
//
//go:noinline
func growStack() {
	var room [9 << 10]byte
	use(&room)
}

//go:noinline
func use(*[9 << 10]byte) {}
