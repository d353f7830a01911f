package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestServiceKeepsConnection: an outgoing connection of a service stays open longer than the deadline of its component, while nothing goes
// over it and the guest waits for an answer, until the service is stopped.
func TestServiceKeepsConnection(t *testing.T) {
	const deadline, quiet = time.Second, 2500 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := up(t, nil, workloadOf(t, fmt.Sprintf(`  components:
    - name: client
      source: {file: rust-tcp-client-p2}
      args: [client, %[1]q, one, two, three]
      limits: {deadline: %[2]s}
      grants: {sockets: {connect: ["127.0.0.1:%[1]s"]}}
  services: [{component: client, backoff: 1ms}]
`, port, deadline)))
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	lines := bufio.NewReader(c)
	for _, line := range []string{"one\n", "two\n"} {
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if had, err := lines.ReadString('\n'); had != line {
			t.Fatalf("%q, %v, wanted %q\n%s", had, err, line, s.stderr())
		}
		if err := c.SetReadDeadline(time.Now().Add(quiet)); err != nil {
			t.Fatal(err)
		}
		if b, err := lines.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the connection that is waited on: %q, %v\n%s", b, err, s.stderr())
		}
		if _, err := io.WriteString(c, "answer to "+line); err != nil {
			t.Fatal(err)
		}
		s.waitForConsole("[client stdout] :: answer to " + strings.TrimSpace(line))
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if had, err := lines.ReadString('\n'); had != "three\n" {
		t.Fatal(had, err)
	}
	s.stop()
	if b, err := lines.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the service is stopped, and its connection is open: %q, %v", b, err)
	}
}
