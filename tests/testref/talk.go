package testref

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Talk is a server on a loopback port that answers each connection with fixed bytes, whatever it is sent, and ends it. It
// gives its address.
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
