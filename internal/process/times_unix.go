//go:build unix

package process

import (
	"syscall"
	"time"
)

// times reads the processor time.
func (s *Stats) times() {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return
	}
	s.User, s.System = time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}
