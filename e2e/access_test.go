package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

const knownTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// failing starts a server whose requests end in each way, and sends them: 200, 404, 500 by a trap, 504 by the deadline, 503 by the queue. A
// query and a header have a secret.
func failing(t *testing.T, command string, env []string, flags ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, namespace: demo}
spec:
  components:
    - {name: cart, source: {file: %[1]q}}
    - {name: slow, source: {file: %[1]q}, limits: {deadline: 300ms, fuel: 10T}}
    - {name: one, source: {file: %[1]q}, instances: {max: 1, queue: 1}}
  triggers:
    - http: {path: /, component: cart}
    - http: {path: /spin, component: slow}
    - http: {path: /chunks, component: one}
    - http: {path: /time, component: one}
`, testref.File(t, "rust-http-full-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serving(t, command, env, append(flags, file)...)
	for _, c := range []struct {
		path   string
		status int
	}{{"/hello", 200}, {"/status?code=404&token=hunter2", 404}, {"/trap", 500}, {"/spin", 504}} {
		if status, _, err := s.get(c.path, "", "Traceparent", "00-"+knownTrace+"-00f067aa0ba902b7-01", "Authorization", "Bearer hunter2"); err != nil || status != c.status {
			t.Errorf("%s: %d %v", c.path, status, err)
		}
	}
	s.overflow()
	return s
}

// overflow has one request occupy the only instance, and sends one more than may wait for it.
func (s *server) overflow() {
	s.t.Helper()
	resp, err := http.Get(s.base + "/chunks?n=100000&ms=20")
	if err != nil {
		s.t.Fatal(err)
	}
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		s.t.Fatalf("%q %v", line, err)
	}
	statuses := make(chan int, 2)
	for range 2 {
		go func() {
			status, _, _ := s.get("/time", "")
			statuses <- status
		}()
	}
	if status := <-statuses; status != 503 {
		s.t.Errorf("the first answer while the instance is busy: %d", status)
	}
	resp.Body.Close()
	if status := <-statuses; status != 200 {
		s.t.Errorf("the request that has waited: %d", status)
	}
}

// accessLines are how the lines of those requests begin and end.
var accessLines = []string{
	`GET /hello 200 TOOK cart 4bf92f35`, `GET /status 404 TOOK cart 4bf92f35`, `GET /trap 500 TOOK cart trap\.unreachable 4bf92f35`,
	`GET /spin 504 TOOK slow deadline 4bf92f35`, `GET /time 503 TOOK one overload`, `GET /time 200 TOOK one`,
}

// failedLines are those of requests that the host has answered by 5xx, whatever the access log.
var failedLines = []string{
	`[cart failed] :: http /: trap: unreachable`,
	`[slow failed] :: http /spin: trap: deadline: slow: the invocation took longer than 300ms`,
	`; give it more time with --deadline or limits.deadline`,
	`[one failed] :: http /time: trap: overload: one: 1 instances run and 1 invocations wait; let more of them run or wait with --max-instances and --queue or instances.max and instances.queue`,
}

var anyAccessLine = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d .*$`)

// TestAccessLog: each request is a line on the console, where that is asked for and by default in dev; each 5xx of the host has its reason and
// cure in any case.
func TestAccessLog(t *testing.T) {
	for _, c := range []struct {
		name, command string
		env, flags    []string
		on            bool
	}{
		{"up", "up", nil, nil, false},
		{"up, asked for", "up", nil, []string{"--access-log"}, true},
		{"by the variable, exported", "up", []string{"VITRINE_ACCESS_LOG=true"}, []string{"--view=127.0.0.1:0", "--view-dir", "off"}, true},
		{"of warnings alone", "up", nil, []string{"--access-log", "--log-level", "warn"}, false},
		{"dev", "dev", nil, nil, true},
		{"dev, without", "dev", nil, []string{"--access-log=false"}, false},
		{"dev with trees", "dev", nil, []string{"--trace"}, false},
		{"dev with trees of errors", "dev", nil, []string{"--trace=errors"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := failing(t, c.command, c.env, c.flags...)
			s.stop()
			all := s.stderr()
			for _, want := range failedLines {
				if n := strings.Count(all, want); n != 1 {
					t.Errorf("%q is there %d times:\n%s", want, n, all)
				}
			}
			if strings.Contains(all, "hunter2") {
				t.Errorf("a secret is on the console:\n%s", all)
			}
			found := anyAccessLine.FindAllString(all, -1)
			if !c.on {
				if len(found) > 0 {
					t.Errorf("lines of requests: %q", found)
				}
				return
			}
			if len(found) != len(accessLines)+1 { // and the stream's
				t.Errorf("%d lines of requests: %q", len(found), found)
			}
			for _, want := range accessLines {
				re := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d ` + strings.ReplaceAll(want, "TOOK", `[\d.]+(?:µs|ms|s)`) + `(?: [0-9a-f]{8})?$`)
				if n := len(re.FindAllString(all, -1)); n != 1 {
					t.Errorf("%s is there %d times: %q", re, n, found)
				}
			}
		})
	}
}

// TestAccessLogJSON: the same as records with fields.
func TestAccessLogJSON(t *testing.T) {
	s := failing(t, "up", nil, "--access-log", "--log-format", "json")
	s.stop()
	type record struct {
		Msg, Time, Level, Method, Path, Route, Component, Workload, Namespace, Error string

		Status  int
		Took    float64 `json:"duration_ms"`
		Answer  int64   `json:"answer_bytes"`
		TraceID string  `json:"trace_id"`
	}
	got := map[string]record{}
	for line := range strings.Lines(s.stderr()) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if r.Msg == "request" {
			got[fmt.Sprint(r.Path, " ", r.Status)] = r
		}
	}
	for key, want := range map[string]record{
		"/hello 200":  {Route: "/", Component: "cart", TraceID: knownTrace},
		"/status 404": {Route: "/", Component: "cart", TraceID: knownTrace},
		"/trap 500":   {Route: "/", Component: "cart", TraceID: knownTrace, Error: "trap.unreachable"},
		"/spin 504":   {Route: "/spin", Component: "slow", TraceID: knownTrace, Error: "deadline"},
		"/time 503":   {Route: "/time", Component: "one", Error: "overload"},
		"/time 200":   {Route: "/time", Component: "one"},
	} {
		r, ok := got[key]
		if !ok || r.Method != "GET" || r.Route != want.Route || r.Component != want.Component || r.TraceID != want.TraceID || r.Error != want.Error ||
			r.Workload != "shop" || r.Namespace != "demo" || r.Level != "INFO" || r.Time == "" || r.Took <= 0 {
			t.Errorf("%s: %+v", key, r)
		}
	}
	if n := int64(len("hello from rust-http-full-p2\n")); got["/hello 200"].Answer != n {
		t.Errorf("%d bytes, wanted %d", got["/hello 200"].Answer, n)
	}
	if strings.Contains(s.stderr(), "hunter2") {
		t.Errorf("a secret is on the console:\n%s", s.stderr())
	}
}
