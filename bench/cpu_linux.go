package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf is the processor time of a process, by the clock that the kernel keeps for it: /proc counts in ticks of 10 ms, a tenth of what a
// server uses in a short measurement on a busy machine. It is 0 for a process that has ended.
func cpuOf(pid int) time.Duration {
	const scheduled = 2 // CPUCLOCK_SCHED: of all threads, also of those that have ended
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
