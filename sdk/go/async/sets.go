package async

// waitableSet is what a task waits for: the waitables of its goroutines, and a stream by which other tasks wake it. Sets are used again.
type waitableSet struct {
	handle           uint32
	read, write      uint32 // ends of a stream<_>
	reading, written bool
}

var idleSets []*waitableSet

func takeSet() *waitableSet {
	if n := len(idleSets); n > 0 {
		s := idleSets[n-1]
		idleSets = idleSets[:n-1]
		return s
	}
	ends := wakeNew()
	s := &waitableSet{handle: waitableSetNew(), read: uint32(ends), write: uint32(ends >> 32)}
	waitableJoin(s.read, s.handle)
	return s
}

// listen sees to it that the task can be woken.
func (s *waitableSet) listen() {
	if !s.reading {
		s.reading = true
		wakeRead(s.read, 0, 1)
	}
}

// wake has the host call back the task that waits with this set.
func (s *waitableSet) wake() {
	if !s.written {
		s.written = true
		wakeWrite(s.write, 0, 1)
	}
}
