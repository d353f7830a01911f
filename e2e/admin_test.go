package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

var adminLine = regexp.MustCompile(`(?m)^admin on http://(\S+)$`)

// operator asks the admin endpoint of a server.
type operator struct {
	t      *testing.T
	base   string
	client *http.Client
}

func operate(t *testing.T, s *server) operator {
	t.Helper()
	s.waitForConsole("admin on http://")
	m := adminLine.FindStringSubmatch(s.stderr())
	if m == nil {
		t.Fatalf("no address of the admin endpoint: %s", s.stderr())
	}
	return operator{t, m[1], http.DefaultClient}
}

func (o operator) ask(method, path, body string) (int, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// await asks for a path until the answer has a text: what a request does is measured after its answer.
func (o operator) await(path, text string) (got string) {
	o.t.Helper()
	for range 6000 {
		if _, got = o.ask("GET", path, ""); strings.Contains(got, text) {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	o.t.Fatalf("%q does not come in %s: %s", text, path, got)
	return ""
}

// TestAdmin: a running server tells its state and its metrics, and its log can be made louder.
func TestAdmin(t *testing.T) {
	s := up(t, nil, "--admin", "0", testref.File(t, "rust-http-full-p2"))
	o := operate(t, s)
	if !strings.HasPrefix(o.base, "127.0.0.1:") {
		t.Errorf("a bare port listens on %s", o.base)
	}
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	for _, path := range []string{"/livez", "/readyz"} {
		if code, got := o.ask("GET", path, ""); code != 200 || got != "ok\n" {
			t.Errorf("%s: %d %q", path, code, got)
		}
	}
	code, got := o.ask("GET", "/workloads", "")
	var all struct {
		Workloads []struct {
			ID, State  string
			Components []struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(got), &all); err != nil || code != 200 || len(all.Workloads) != 1 || all.Workloads[0].State != "running" || len(all.Workloads[0].Components) != 1 {
		t.Errorf("/workloads: %d %s %v", code, got, err)
	}
	if code, got := o.ask("GET", "/metrics", ""); code != 200 || !strings.Contains(got, "\nhttp_server_request_duration_seconds_count{") || !strings.Contains(got, "\nvitrine_invocations_total{") {
		t.Errorf("/metrics: %d %.2000s", code, got)
	}
	if code, got := o.ask("GET", "/debug/pprof/goroutine?debug=1", ""); code != 200 || !strings.Contains(got, "goroutine profile") {
		t.Errorf("/debug/pprof/goroutine: %d %.100s", code, got)
	}
	if code, got := o.ask("PUT", "/log-level", "debug"); code != 200 || got != "debug\n" {
		t.Errorf("/log-level: %d %q", code, got)
	}
	for args, want := range map[string]int{"probe " + o.base: 0, "probe --live http://" + o.base: 0, "probe http://" + o.base + "/nothing": 1, "probe 127.0.0.1:1": 1, "probe": 2} {
		out, err := exec.Command(binary, strings.Fields(args)...).CombinedOutput()
		status := 0
		if exit, ok := err.(*exec.ExitError); ok {
			status = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if status != want {
			t.Errorf("vitrine %s: status %d, want %d: %s", args, status, want, out)
		}
	}
}

// TestDrainDelay: after the signal requests are still answered, and the server says that it is not ready.
func TestDrainDelay(t *testing.T) {
	s := up(t, nil, "--admin", "127.0.0.1:0", "--drain-delay", "5s", testref.File(t, "rust-http-full-p2"))
	o := operate(t, s)
	s.terminate()
	s.waitForConsole("requests are still taken for a while")
	if code, got := o.ask("GET", "/readyz", ""); code != 503 || got != "the process has been told to end\n" {
		t.Errorf("/readyz: %d %q", code, got)
	}
	if code, _ := o.ask("GET", "/livez", ""); code != 200 {
		t.Errorf("/livez: %d", code)
	}
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
}
