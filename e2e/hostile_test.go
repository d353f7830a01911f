package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// hostile starts a server of one workload with a good component at / and a hostile one below /bad.
func hostile(t *testing.T, limits string, flags ...string) *server {
	t.Helper()
	return hostileEnv(t, nil, limits, flags...)
}

func hostileEnv(t *testing.T, env []string, limits string, flags ...string) *server {
	t.Helper()
	path := func(name string) string {
		p, err := filepath.Abs(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: mixed}
spec:
  components:
    - name: bad
      source: {file: %q}
      limits: {%s}
    - {name: good, source: {file: %q}}
  triggers:
    - http: {path: /bad, component: bad}
    - http: {path: /, component: good}
`, path("testdata/hostile/http.wasm"), limits, path("testdata/guests/prebuilt/rust-http-full-p2.component.wasm"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return up(t, env, append(flags, file)...)
}

// probeNeighbour sends requests to the good component until the returned function is called, which returns the number of
// responses and the first error.
func (s *server) probeNeighbour() (stop func() (answers int, err error)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	n := 0
	go func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/hello", nil)
			if err != nil {
				done <- err
				return
			}
			resp, err := http.DefaultClient.Do(req)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				done <- err
				return
			case resp.StatusCode != 200:
				err = fmt.Errorf("status %d", resp.StatusCode)
			default:
				n++
			}
			if resp != nil {
				resp.Body.Close()
			}
			if err != nil && ctx.Err() == nil {
				done <- err
				return
			}
			time.Sleep(time.Millisecond)
		}
		done <- nil
	}()
	return func() (int, error) {
		cancel()
		err := <-done
		return n, err
	}
}

// resident is the server's resident memory in bytes; false on systems other than Linux, which have no /proc.
func (s *server) resident() (bytes int64, known bool) {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		s.t.Logf("the server's memory is not measured on %s", runtime.GOOS)
		return 0, false
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		s.t.Fatalf("the process has no resident memory: %s", text)
	}
	kb, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil || kb == 0 {
		s.t.Fatalf("%s: %v", found[0], err)
	}
	return kb << 10, true
}

// TestHostileNeighbour: a limit stops whatever one component of a process does, and is reported, while another component of
// the process serves requests.
func TestHostileNeighbour(t *testing.T) {
	s := hostile(t, "memory: 32Mi, tables: 100000, deadline: 20s, fuel: 300M, handles: 1000")
	cases := []struct{ path, name, says string }{ // says is "" if the console does not name the cause
		{"/bad/f", "100 MB of lines", "[bad limit] :: this invocation has reached its limit of 10000 lines; further lines are dropped"},
		{"/bad/g", "100 MB of one line", "…(cut)"},
		{"/bad/s", "a loop", "[bad failed] :: http /bad: trap: fuel: the guest has done the work that it may do: 300000000 loop iterations"},
		{"/bad/r", "recursion", "[bad failed] :: http /bad: trap: call stack exhausted"},
		{"/bad/m", "memory to the cap", ""},
		{"/bad/t", "a table to the cap", ""},
		{"/bad/h", "handles to the cap", "[bad failed] :: http /bad: trap: handle table full: result: handle table is full with 1000 handles"},
		{"/bad/u", "a trap", "[bad failed] :: http /bad: trap: unreachable"},
		{"/bad/x", "no answer", ""},
	}
	var first int64
	var known bool
	var table strings.Builder
	begun := time.Now()
	for round := range 3 {
		for _, c := range cases {
			stop := s.probeNeighbour()
			s.expect(c.path, "", 500, "the component failed\n")
			s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
			if n, err := stop(); err != nil {
				t.Errorf("%s: after %d answers the good component failed: %v", c.name, n, err)
			}
			if c.says != "" {
				s.waitForConsole(c.says)
			}
			if round == 0 {
				fmt.Fprintf(&table, "%-20s 500; %s\n", c.name, c.says)
			}
		}
		if round == 0 {
			first, known = s.resident()
		}
	}
	t.Logf("hostile requests, their responses and the lines of the console:\n%s", table.String())
	// At most one line a second: one for each invocation that takes no longer.
	took := time.Since(begun)
	if n := strings.Count(s.stderr(), "[bad limit] ::"); n < 1 || n > 3+int(took/time.Second) {
		t.Errorf("the limit of lines was reported %d times in three invocations, in %s", n, took)
	}
	if n := len(s.stderr()); n > 8<<20 {
		t.Errorf("600 MB of output became %d bytes", n)
	}
	// The garbage of one round need not have been collected yet.
	if known {
		now, _ := s.resident()
		t.Logf("resident: %d MiB after one round, %d after three", first>>20, now>>20)
		if now > first+512<<20 {
			t.Errorf("the process went from %d to %d bytes", first, now)
		}
	}
}

// TestNeighbourOutlivesDeadline: a loop ends at the deadline with 504, and the neighbour serves requests meanwhile.
func TestNeighbourOutlivesDeadline(t *testing.T) {
	s := hostile(t, "deadline: 300ms, fuel: 1T")
	stop := s.probeNeighbour()
	s.expect("/bad/s", "", 504, "the component took too long\n")
	if n, err := stop(); err != nil {
		t.Errorf("after %d answers the good component failed: %v", n, err)
	}
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	s.waitForConsole("trap: deadline: bad: the invocation took longer than 300ms")
}

// TestLimitsOfRequests: heads and bodies that are too large are refused.
func TestLimitsOfRequests(t *testing.T) {
	s := hostile(t, "headers: 4Ki, body: 10")
	s.expect("/bad/x", "eleven byte", 413, "the request's body is too large\n")
	status, text, err := s.get("/bad/x", "", "X-Large", strings.Repeat("x", 5<<10))
	if err != nil || status != 431 || text != "the request's head is too large\n" {
		t.Errorf("%d %q, %v", status, text, err)
	}
	if status, _, err := s.get("/hello", "eleven byte", "X-Large", strings.Repeat("x", 5<<10)); err != nil || status != 200 {
		t.Errorf("another component: %d, %v", status, err)
	}
}

// TestLimitFlags: limits of the command line are in force, and the message names the flag that raises the limit.
func TestLimitFlags(t *testing.T) {
	flood := testref.File(t, "rust-cli-hostile")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "--fuel", "1M", flood, "spin"}, 134, "let it do more work with --fuel"},
		{[]string{"run", "--memory", "1Mi", flood, "args"}, 134, "give it more memory with --memory"},
		{[]string{"run", "--files", "5", "--dir", t.TempDir() + "::.", flood, "files", "20"}, 0, "4 open, then OutOfMemory\n"},
		{[]string{"run", "--handles", "1", flood, "files", "3"}, 134, "let it hold more resources with --handles"},
		{[]string{"run", "--deadline", "200ms", flood, "spin"}, 124, "give it more time with --deadline"},
		{[]string{"run", "--headers", "2Mi", flood}, 2, "want at most 1Mi"},
		{[]string{"run", "--fuel", "0", flood}, 2, "the number must be larger than 0"},
	} {
		code, out, errs := run(t, "", c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit %d, %q %s", c.args, code, out, errs)
		}
	}
}

// TestCommandOutputIsUnbounded: a command's output is passed on byte for byte; only its log lines are bounded.
func TestCommandOutputIsUnbounded(t *testing.T) {
	code, out, errs := run(t, "", "run", testref.File(t, "rust-cli-hostile"), "flood", "100")
	if code != 0 || len(out) != 100<<20 {
		t.Errorf("exit %d, %d bytes: %s", code, len(out), errs)
	}
}
