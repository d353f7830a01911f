package servers

import (
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Redis is a server of a test, with an empty database that is written to disk before a write is acknowledged.
type Redis struct {
	Addr string // HOST:PORT
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// StartRedis starts a server, which ends with the test. args are further arguments, for example "--requirepass", "x".
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server; Debian's package redis-server has it")
	}
	r := &Redis{t: t, dir: t.TempDir(), args: args, Addr: freeAddr(t)}
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts a server that was killed, with its data.
func (r *Redis) Start() {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", ""}, r.args...)
	r.cmd = exec.Command("redis-server", args...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	waitFor(r.t, r.Addr)
}

// Kill ends the server as a machine that fails does. It does nothing where the server has ended.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Error(err)
	}
	_ = r.cmd.Wait() // it says that it was killed
	r.cmd = nil
}

// freeAddr is an address on which nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// waitFor waits until a server takes connections.
func waitFor(t testing.TB, addr string) {
	t.Helper()
	for range 3000 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nobody listens on %s", addr)
}

// Silent is the address of a server that takes connections and never says anything. It ends with the test.
func Silent(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
