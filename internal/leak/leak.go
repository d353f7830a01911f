// Package leak finds the goroutines that the tests of a package leave behind.
package leak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines of what has just been closed may still be on their way out, in steps.
const (
	patience = 300
	step     = 50 * time.Millisecond
)

// Main runs the tests of a package and gives the status to exit with, which is not 0 if a goroutine outlives them: one
// that was not there before and, where parts are given, whose stack holds one of them ("vitrine/wasi/"). Parts are for
// packages whose tests leave goroutines of others, such as the idle connections of net/http's client.
//
//	func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
func Main(m *testing.M, parts ...string) int {
	before := ids(stacks())
	code := m.Run()
	if f := flag.Lookup("test.fuzz"); code != 0 || f != nil && f.Value.String() != "" {
		return code // fuzzing has goroutines of its own
	}
	var left []string
	for range patience {
		if left = since(before, parts); len(left) == 0 {
			return 0
		}
		time.Sleep(step)
	}
	fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", strings.Join(left, "\n\n"))
	return 1
}

// since gives the stacks of goroutines that are not in before and hold one of parts.
func since(before map[string]bool, parts []string) []string {
	var left []string
	for _, s := range stacks() {
		if !before[id(s)] && (len(parts) == 0 || holds(s, parts)) {
			left = append(left, s)
		}
	}
	return left
}

func holds(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// stacks gives the stack of every goroutine but those of the runtime.
func stacks() []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n")
		}
		buf = make([]byte, 2*len(buf))
	}
}

func ids(stacks []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range stacks {
		out[id(s)] = true
	}
	return out
}

// id is what the first line of a stack begins with: "goroutine 12". Numbers are not used twice.
func id(stack string) string {
	name, _, _ := strings.Cut(stack, " [")
	return name
}
