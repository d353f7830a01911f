package filesystem

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain proves that no goroutine outlives what it works for.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	status := m.Run()
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		os.Exit(status) // fuzzing has goroutines of its own
	}
	for range 300 { // those of what has just been closed are still on their way out
		if runtime.NumGoroutine() <= before {
			os.Exit(status)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status == 0 {
		status = 1
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "goroutines are left over:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	os.Exit(status)
}
