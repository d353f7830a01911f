// Package process reads what the operating system says of this process: its memory, processor time, threads and open files; and how
// much memory it may have.
package process

import "time"

// Stats is one reading. A field is negative where the system does not say.
type Stats struct {
	Resident    int64 // bytes of physical memory
	Virtual     int64 // bytes of address space
	Threads     int64
	Descriptors int64 // open files, sockets and the like
	// User and System are the processor time spent in the program's and in the kernel's code.
	User, System time.Duration
}

// Read reads all that the system says.
func Read() Stats {
	s := Stats{Resident: -1, Virtual: -1, Threads: -1, Descriptors: -1, User: -1, System: -1}
	s.read()
	return s
}
