package servers

import (
	"net"
	"os/exec"
	"testing"
)

// natsServer is the path of the server that tests are run against.
var natsServer = fromModule("nats-server", "github.com/nats-io/nats-server/v2", "v2.15.3")

// NATS is a server of a test, with JetStream, whose streams are written to disk.
type NATS struct {
	Addr string // HOST:PORT
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// URL is what a grant says of the server.
func (n *NATS) URL() string { return "nats://" + n.Addr }

// StartNATS starts a server, which ends with the test. args are further arguments, for example "--user", "x".
func StartNATS(t testing.TB, args ...string) *NATS {
	t.Helper()
	if _, err := natsServer(); err != nil {
		t.Skipf("there is no nats-server, and its Go module could not be built: %v", err)
	}
	n := &NATS{t: t, dir: t.TempDir(), args: args, Addr: freeAddr(t)}
	n.Start()
	t.Cleanup(n.Kill)
	return n
}

// Start starts a server that was killed, with its streams.
func (n *NATS) Start() {
	n.t.Helper()
	_, port, err := net.SplitHostPort(n.Addr)
	if err != nil {
		n.t.Fatal(err)
	}
	file, err := natsServer()
	if err != nil {
		n.t.Fatal(err)
	}
	n.cmd = exec.Command(file, append([]string{"-a", "127.0.0.1", "-p", port, "-js", "-sd", n.dir}, n.args...)...)
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	waitFor(n.t, n.Addr)
}

// Kill ends the server as a machine that fails does. It does nothing where the server has ended.
func (n *NATS) Kill() {
	if n.cmd == nil {
		return
	}
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Error(err)
	}
	_ = n.cmd.Wait() // it says that it was killed
	n.cmd = nil
}
