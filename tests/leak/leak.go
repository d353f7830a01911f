// Package leak fails the tests of a package that leave goroutines behind. It is goleak with a longer wait: on a loaded machine
// goroutines take seconds to end after a close.
package leak

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds the wait for goroutines to end after the tests.
const patience = 15 * time.Second

// IdleConnections ignores the goroutines of idle connections that net/http's client keeps.
func IdleConnections() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("net/http.(*http2clientConnReadLoop).run"), goleak.IgnoreAnyFunction("net/http/internal/http2.(*clientConnReadLoop).run"),
	}
}

// Main runs the tests of a package and returns the exit status, which is not 0 if a goroutine outlives them that was started
// by them and that no option ignores.
//
//	func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
func Main(m *testing.M, ignore ...goleak.Option) int {
	ignore = append(ignore, goleak.IgnoreCurrent())
	code := m.Run()
	if f := flag.Lookup("test.fuzz"); code != 0 || f != nil && f.Value.String() != "" {
		return code // fuzzing has goroutines of its own
	}
	var left error
	for begun := time.Now(); time.Since(begun) < patience; {
		if left = goleak.Find(ignore...); left == nil {
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, left)
	return 1
}
