package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/ending"
)

// binary is the path of the vitrine under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vitrine-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, ending.Executable("vitrine"))
	build := exec.Command("go", "build", "-o", binary, "../cmd/vitrine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	if err := os.Setenv("VITRINE_CACHE_DIR", filepath.Join(dir, "cache")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// server is a vitrine up.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string

	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{}

	killed bool
	told   sync.Once
}

// up starts vitrine up and waits until it is ready. At the end of the test it is stopped and must exit with 0.
func up(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	return serving(t, "up", env, args...)
}

// serving starts vitrine up, or another command that serves.
func serving(t *testing.T, command string, env []string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(binary, append([]string{command, "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	ending.Prepare(cmd)
	return waitReady(t, cmd)
}

// waitReady starts a command that serves, and waits until it is ready. At the end of the test it is stopped and must exit with 0.
func waitReady(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, done: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	base := make(chan string, 1)
	go s.read(stderr, base)
	select {
	case s.base = <-base:
	case <-s.done:
		t.Fatalf("%v ended: %s", cmd.Args, s.stderr())
	case <-time.After(2 * time.Minute):
		t.Fatalf("%v is not ready: %s", cmd.Args, s.stderr())
	}
	t.Cleanup(s.stop)
	return s
}

func (s *server) read(r io.Reader, ready chan<- string) {
	defer close(s.done)
	lines := bufio.NewReader(r)
	for first := true; ; {
		line, err := lines.ReadString('\n')
		said := strings.TrimSpace(line)
		var record struct{ Msg string }
		if json.Unmarshal([]byte(line), &record) == nil { // --log-format json
			said = record.Msg
		}
		if _, at, ok := strings.Cut(said, " on http"); ok && first {
			first = false
			ready <- "http" + at
		} else if first && err == nil && (strings.HasPrefix(said, "serving ") || strings.HasPrefix(said, "admin on unix:")) { // without an address: it has no HTTP trigger
			first = false
			ready <- ""
		}
		s.mu.Lock()
		s.text.WriteString(line)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *server) stderr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// waitForConsole waits until the console, which is written after the response, has a text.
func (s *server) waitForConsole(text string) {
	s.t.Helper()
	if text == "" {
		s.t.Fatal("waitForConsole needs a text")
	}
	for range 6000 {
		if strings.Contains(s.stderr(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Errorf("%q is not on the console: %.2000s", text, s.stderr())
}

// kill ends the server as a machine that fails does.
func (s *server) kill() {
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	s.killed = true
	_ = s.cmd.Wait() // it says that it was killed
}

// terminate sends the server the first signal to end, once.
func (s *server) terminate() {
	s.told.Do(func() { _ = ending.Terminate(s.cmd.Process) })
}

// stop ends the server as an operator does, if it was not killed.
func (s *server) stop() {
	if s.killed {
		return
	}
	s.terminate()
	select {
	case <-s.done:
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Errorf("the server did not end after SIGTERM: %s", s.stderr())
	}
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState.ExitCode() != 0 {
		s.t.Errorf("the server ended with %v: %s", err, s.stderr())
	}
}

// get sends a request. A truncated body is returned with an error.
func (s *server) get(path, body string, header ...string) (status int, text string, err error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// expect sends a request and compares the response.
func (s *server) expect(path, body string, status int, text string) {
	s.t.Helper()
	gotStatus, got, err := s.get(path, body)
	if err != nil || gotStatus != status || got != text {
		s.t.Errorf("%s: %d %q, %v; wanted %d %q", path, gotStatus, got, err, status, text)
	}
}

// run runs a command to its end.
func run(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runEnv(t, nil, stdin, args...)
}

func runEnv(t *testing.T, env []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute) // a build of Rust may take some
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}
