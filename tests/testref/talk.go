package testref

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Talk starts a server on a loopback port that sends fixed bytes on each connection, whatever it receives, and closes it. It
// returns the address.
func Talk(tb testing.TB, answer string) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var all sync.WaitGroup
	tb.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
			c.Close()
		}
	})
	return l.Addr().String()
}
