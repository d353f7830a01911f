package servers

import (
	"net"
	"testing"
)

// TestServers: servers start, and start again where they were killed.
func TestServers(t *testing.T) {
	s, n := StartS3(t), StartNATS(t)
	for _, server := range []struct {
		addr        string
		kill, start func()
	}{{s.Addr, s.Kill, s.Start}, {n.Addr, n.Kill, n.Start}} {
		server.kill()
		if c, err := net.Dial("tcp", server.addr); err == nil {
			_ = c.Close()
			t.Errorf("%s was killed, and takes connections", server.addr)
		}
		server.start()
	}
}
