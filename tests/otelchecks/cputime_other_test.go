//go:build !unix

package otelchecks

import "time"

// cpuTime is 0: benchmarks report it on Unix.
func cpuTime() time.Duration { return 0 }
