//go:build unix

package otelchecks

import (
	"syscall"
	"time"
)

// cpuTime is the processor time of the process so far, which a busy machine does not change.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
