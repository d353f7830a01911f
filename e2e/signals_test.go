//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// startCommand starts the binary with the given streams; nil is /dev/null.
func startCommand(t *testing.T, stdin io.Reader, stdout, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Stdin = stdin
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if stderr != nil {
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	return cmd
}

// waitExit waits for a process and returns its exit status; -1 if a signal has killed it.
func waitExit(t *testing.T, cmd *exec.Cmd, bound time.Duration) int {
	t.Helper()
	timer := time.AfterFunc(bound, func() {
		t.Errorf("the process did not end within %s", bound)
		_ = cmd.Process.Kill()
	})
	defer timer.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

// pipe makes a pipe whose other end is a process's stream.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// TestSignalsEndRun: SIGINT and SIGTERM end a run with their status whatever the guest does, and its trace is printed.
func TestSignalsEndRun(t *testing.T) {
	hostile := testref.File(t, "rust-cli-hostile")
	for name, c := range map[string]struct {
		args  []string
		stuck bool // nobody reads standard output
	}{
		"spins":                        {args: []string{"spin"}},
		"sleeps":                       {args: []string{"sleep", "1000000"}},
		"reads":                        {args: []string{"stdin"}},
		"writes and nobody reads":      {args: []string{"flood", "1000"}, stuck: true},
		"complains and nobody listens": {args: []string{"flood-stderr", "1000"}, stuck: true},
	} {
		for sig, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
			t.Run(fmt.Sprintf("%s/%v", name, sig), func(t *testing.T) {
				t.Parallel()
				stdin, _ := pipe(t)
				_, full := pipe(t)
				var out, errs *os.File
				var said bytes.Buffer
				cmd := exec.Command(binary, append([]string{"run", "--trace", "--env", "X=1", hostile}, c.args...)...)
				cmd.Stdin, cmd.Stderr = stdin, &said
				if c.stuck {
					out, errs = full, full
					cmd.Stdout, cmd.Stderr = out, errs
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second) // until the guest is busy
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				if got := waitExit(t, cmd, 30*time.Second); got != status {
					t.Errorf("exit status %d, wanted %d: %s", got, status, said.String())
				}
				if text := said.String(); !c.stuck && (!strings.Contains(text, "command run") || !strings.Contains(text, "vitrine: ")) {
					t.Errorf("said %q", text)
				}
			})
		}
	}
}

// TestSecondSignal: a second signal ends the process at once.
func TestSecondSignal(t *testing.T) {
	r, w := pipe(t)
	cmd := startCommand(t, nil, w, w, "up", "--listen", "127.0.0.1:0", "--deadline", "1h", testref.File(t, "rust-http-full-p2"))
	w.Close()
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, base, _ := strings.Cut(strings.TrimSpace(first), " on ")
	go func() {
		if resp, err := http.Get(base + "/sleep?ms=3600000"); err == nil {
			resp.Body.Close()
		}
	}()
	time.Sleep(500 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	said, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(said, "draining") {
		t.Errorf("said %q, %v", said, err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	waitExit(t, cmd, 30*time.Second)
	rest, _ := io.ReadAll(lines)
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != syscall.SIGTERM {
		t.Errorf("ended as %v: %s", cmd.ProcessState, rest)
	}
}

// TestTwoSignalsAtOnce: a second signal that comes before the first has been dealt with is not lost: the process does not drain for an hour.
func TestTwoSignalsAtOnce(t *testing.T) {
	for i := range 20 {
		cmd := exec.Command(binary, "up", "--listen", "127.0.0.1:0", "--deadline", "1h", testref.File(t, "rust-http-full-p2"))
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		lines := bufio.NewReader(stderr)
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		_, base, _ := strings.Cut(strings.TrimSpace(first), " on ")
		resp, err := http.Get(base + "/chunks?n=2&ms=3600000")
		if err != nil {
			t.Fatal(err)
		}
		// Two of a kind may be one to the system; these are not.
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		waitExit(t, cmd, 30*time.Second)
		if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != syscall.SIGTERM && w.Signal() != syscall.SIGINT {
			t.Errorf("try %d ended as %v", i, cmd.ProcessState)
		}
		_ = resp.Body.Close()
	}
}

// TestClosedPipes: a closed pipe is an error of the guest's stream, and no SIGPIPE ends the process.
func TestClosedPipes(t *testing.T) {
	for what, closed := range map[string]int{"flood": 1, "flood-stderr": 2} {
		t.Run(what, func(t *testing.T) {
			r, w := pipe(t)
			cmd := exec.Command(binary, "run", testref.File(t, "rust-cli-hostile"), what, "100")
			var other bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &other
			if closed == 2 {
				cmd.Stdout, cmd.Stderr = &other, w
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			if _, err := io.ReadFull(r, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
			r.Close()
			if got := waitExit(t, cmd, time.Minute); got != 0 {
				t.Errorf("ended as %v", cmd.ProcessState)
			}
			if closed == 1 && other.String() != "stdout closed\n" {
				t.Errorf("the guest's output is %q", other.String())
			}
		})
	}
}

// TestReload: SIGHUP has the components as they are now take the place of what is served; a mistake changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	manifest := func(file string) {
		t.Helper()
		text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components: [{name: a, source: {file: %q}}]\n  triggers: [{http: {path: /, component: a}}]\n", file)
		if err := os.WriteFile(filepath.Join(dir, "vitrine.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manifest(testref.File(t, "rust-http-full-p2"))
	s := up(t, nil, dir)
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	hangup := func(want string) {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.waitForConsole(want)
	}
	manifest("nowhere.wasm")
	hangup("SIGHUP changes nothing: what runs goes on")
	s.waitForConsole("nowhere.wasm")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	manifest(testref.File(t, "rust-http-p3"))
	hangup("reloaded: new requests go to the components as they are now")
	s.expect("/hello", "", 200, "hello from rust-http-p3\n")
	hangup("SIGHUP changes nothing: the manifest and the components are what is served already")
	s.expect("/hello", "", 200, "hello from rust-http-p3\n")
}

// TestHangup: SIGHUP is logged, and changes nothing where nothing has changed.
func TestHangup(t *testing.T) {
	s := up(t, nil, testref.File(t, "rust-http-full-p2"))
	for range 2 {
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.waitForConsole("SIGHUP changes nothing")
		s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	}
}

// TestUnreadConsole: the server serves requests and ends with 0 if the reader of its console is gone or does not read.
func TestUnreadConsole(t *testing.T) {
	for name, gone := range map[string]bool{"gone": true, "stuck": false} {
		for _, format := range []string{"text", "json"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				t.Parallel()
				r, w := pipe(t)
				cmd := startCommand(t, nil, w, w, "up", "--listen", "127.0.0.1:0", "--log-level", "debug", "--log-format", format, "--trace", "--deadline", "5s",
					testref.File(t, "rust-http-full-p2"))
				w.Close()
				lines := bufio.NewReader(r)
				first, err := lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				base := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(first)
				if gone {
					r.Close()
				}
				for i := range 1000 { // more than a pipe holds
					resp, err := http.Get(base + "/log?" + strings.Repeat("x", 500))
					if err != nil {
						t.Fatalf("request %d: %v", i, err)
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || string(body) != "logged\n" {
						t.Fatalf("request %d: %q, %v", i, body, err)
					}
				}
				_ = cmd.Process.Signal(syscall.SIGTERM)
				if got := waitExit(t, cmd, 30*time.Second); got != 0 {
					t.Errorf("ended as %v", cmd.ProcessState)
				}
			})
		}
	}
}

// TestErrorOnUnreadConsole: an end with an error does not wait for the reader of the console either.
func TestErrorOnUnreadConsole(t *testing.T) {
	_, w := pipe(t)
	fd := int(w.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := syscall.Write(fd, make([]byte, 4096)); err != nil {
			break
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	cmd := startCommand(t, nil, nil, w, "run", filepath.Join(t.TempDir(), "none.wasm"))
	if got := waitExit(t, cmd, 30*time.Second); got != 2 {
		t.Errorf("ended as %v", cmd.ProcessState)
	}
}
