package collector

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running vitrine up.
type Server struct {
	URL string

	t    testing.TB
	cmd  *exec.Cmd
	out  output
	done chan struct{}
}

var serving = regexp.MustCompile(`serving \S+ on (http://\S+)`)

// Serve starts "vitrine up" with an OTLP endpoint, and returns when it is ready. kv are further environment variables,
// "NAME=value".
func Serve(t testing.TB, binary, endpoint string, kv []string, args ...string) *Server {
	t.Helper()
	u := &Server{t: t, done: make(chan struct{})}
	u.cmd = exec.Command(binary, append([]string{"up", "--listen", "127.0.0.1:0"}, args...)...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OTEL_") && !strings.HasPrefix(e, "VITRINE_") {
			u.cmd.Env = append(u.cmd.Env, e)
		}
	}
	u.cmd.Env = append(u.cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint)
	u.cmd.Env = append(u.cmd.Env, kv...)
	u.cmd.Stdout, u.cmd.Stderr = &u.out, &u.out
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(u.done)
		_ = u.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-u.done
		if t.Failed() {
			t.Logf("vitrine said:\n%s", u.out.String())
		}
	})
	if !wait(t, "vitrine", u.done, func() bool {
		m := serving.FindStringSubmatch(u.out.String())
		if m != nil {
			u.URL = m[1]
		}
		return m != nil
	}) {
		t.Fatal("vitrine has ended")
	}
	return u
}

// Stop ends it with SIGTERM and waits until it has exported all telemetry.
func (u *Server) Stop() {
	u.t.Helper()
	_ = u.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-u.done:
	case <-time.After(startTime):
		u.t.Fatal("vitrine does not end")
	}
	if code := u.cmd.ProcessState.ExitCode(); code != 0 {
		u.t.Errorf("vitrine ended with %d", code)
	}
}

// Output is its standard error so far.
func (u *Server) Output() string { return u.out.String() }
