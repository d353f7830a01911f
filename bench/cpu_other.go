//go:build !linux

package main

import "time"

// cpuOf would be the processor time of a process; it is measured on Linux only.
func cpuOf(int) time.Duration { return 0 }
