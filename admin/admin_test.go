package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// state is what a handler answers from in these tests.
type state struct {
	workloads []host.WorkloadStatus
	reasons   []string
	level     slog.LevelVar
}

func (s *state) handler() http.Handler {
	return admin.Handler(admin.Config{Workloads: func() []host.WorkloadStatus { return s.workloads }, NotReady: func() []string { return s.reasons },
		Level: s.level.Level, SetLevel: s.level.Set})
}

func (s *state) ask(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	got, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(got)
}

func status(id string, s workload.State, reason string) host.WorkloadStatus {
	return host.WorkloadStatus{Status: workload.Status{ID: workload.ID(id), State: s, Reason: reason}}
}

func TestReady(t *testing.T) {
	for name, c := range map[string]struct {
		state *state
		want  string
	}{
		"nothing runs":   {&state{}, "no workload is running\n"},
		"runs":           {&state{workloads: []host.WorkloadStatus{status("a", workload.Running, "")}}, ""},
		"starts":         {&state{workloads: []host.WorkloadStatus{status("a", workload.Starting, "")}}, "workload a is starting\n"},
		"one failed":     {&state{workloads: []host.WorkloadStatus{status("a", workload.Running, ""), status("b", workload.Failed, "no file\nsecond line")}}, "workload b is failed: no file\n"},
		"one stopped":    {&state{workloads: []host.WorkloadStatus{status("a", workload.Running, ""), status("b", workload.Stopped, "")}}, ""},
		"all stopped":    {&state{workloads: []host.WorkloadStatus{status("b", workload.Stopped, "")}}, "no workload is running\n"},
		"drains":         {&state{workloads: []host.WorkloadStatus{status("a", workload.Draining, "")}}, "workload a is draining\n"},
		"a backend down": {&state{workloads: []host.WorkloadStatus{status("a", workload.Running, "")}, reasons: []string{"redis is down"}}, "redis is down\n"},
	} {
		code, got := c.state.ask(t, "GET", "/readyz", "")
		want := 503
		if c.want == "" {
			c.want, want = "ok\n", 200
		}
		if code != want || got != c.want {
			t.Errorf("%s: %d %q, want %d %q", name, code, got, want, c.want)
		}
		if code, got := c.state.ask(t, "GET", "/livez", ""); code != 200 || got != "ok\n" {
			t.Errorf("%s: /livez: %d %q", name, code, got)
		}
	}
}

func TestWorkloads(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	s := state{workloads: []host.WorkloadStatus{{
		Status: workload.Status{ID: "shop", State: workload.Running, Since: at, Services: []workload.ServiceStatus{
			{Component: "sync", State: workload.ServiceBackingOff, Reason: "trap", Restarts: 3, Since: at, Next: at.Add(time.Second)}}},
		Components: []host.ComponentStatus{{Name: "cart", Pool: component.PoolStats{Busy: 2, Idle: 1, Running: 3, Waiting: 4}}},
	}}}
	code, body := s.ask(t, "GET", "/workloads", "")
	var got struct {
		Workloads []struct {
			ID, State string
			Services  []struct {
				State    string
				Restarts int
				Next     time.Time
			}
			Components []struct {
				Invocations struct{ Running, Waiting int }
				Instances   struct{ Busy, Idle int }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || len(got.Workloads) != 1 {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	w := got.Workloads[0]
	if w.ID != "shop" || w.State != "running" || w.Services[0].Restarts != 3 || !w.Services[0].Next.Equal(at.Add(time.Second)) ||
		w.Components[0].Invocations.Waiting != 4 || w.Components[0].Instances.Busy != 2 {
		t.Errorf("%s", body)
	}
	if _, body := (&state{}).ask(t, "GET", "/workloads", ""); strings.TrimSpace(body) != "{\n  \"workloads\": []\n}" {
		t.Errorf("none: %s", body)
	}
}

func TestLevel(t *testing.T) {
	var s state
	if code, got := s.ask(t, "GET", "/log-level", ""); code != 200 || got != "info\n" {
		t.Errorf("%d %q", code, got)
	}
	for _, word := range []string{"debug", " WARN\n", "error"} {
		if code, got := s.ask(t, "PUT", "/log-level", word); code != 200 || got != strings.ToLower(strings.TrimSpace(word))+"\n" {
			t.Errorf("%q: %d %q", word, code, got)
		}
	}
	if s.level.Level() != slog.LevelError {
		t.Errorf("the level is %v", s.level.Level())
	}
	for _, bad := range []string{"", "loud", "INFO+3", "warn error", strings.Repeat("x", 1000)} {
		if code, _ := s.ask(t, "PUT", "/log-level", bad); code != 400 {
			t.Errorf("%.20q: %d", bad, code)
		}
	}
	if s.level.Level() != slog.LevelError {
		t.Errorf("the level is %v after mistakes", s.level.Level())
	}
}

// What pages in browsers could send, what is not there, and what may hold secrets is refused.
func TestRefused(t *testing.T) {
	var s state
	for _, c := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{"PUT", "/log-level", []string{"Origin", "http://evil.example"}, 403}, {"GET", "/workloads", []string{"Origin", "null"}, 403},
		{"POST", "/workloads", nil, 405}, {"GET", "/", nil, 404}, {"GET", "/metrics", nil, 404}, {"GET", "/debug/pprof/cmdline", nil, 404}, {"GET", "/debug/pprof/heap", nil, 200},
	} {
		if code, _ := s.ask(t, c.method, c.path, "debug", c.header...); code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, code, c.want)
		}
	}
	if s.level.Level() != slog.LevelInfo {
		t.Error("a refused request changed the level")
	}
}

// On loopback, a name that an attacker's server resolves to this machine is refused.
func TestRebinding(t *testing.T) {
	h := admin.Handler(admin.Config{Workloads: (&state{}).all, Loopback: true})
	for host, want := range map[string]int{"localhost:9000": 200, "LOCALHOST": 200, "127.0.0.1:9000": 200, "127.8.0.1": 200, "[::1]:9000": 200, "[::ffff:127.0.0.1]": 200,
		"evil.example:9000": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "": 403} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/livez", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func (s *state) all() []host.WorkloadStatus { return s.workloads }

// TestPut: a document is handed on with the name of its workload and the context of a trace, what is wrong with it comes back, and what has no room does not
// arrive.
func TestPut(t *testing.T) {
	var put, deleted string
	h := admin.Handler(admin.Config{
		Workloads: func() []host.WorkloadStatus { return nil },
		Put: func(ctx context.Context, id workload.ID, document []byte, header http.Header) error {
			put = string(id) + " " + string(document) + " " + header.Get("traceparent")
			if strings.Contains(string(document), "bad") {
				return errors.New("it is bad")
			}
			return ctx.Err()
		},
		Delete: func(_ context.Context, id workload.ID) error { deleted = string(id); return nil },
	})
	ask := func(method, path, body string) (int, string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // who asks may go: the start goes on
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
		r.Header.Set("traceparent", "00-1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, _ := ask("PUT", "/workloads/shop/cart", "doc"); code != 200 || put != "shop/cart doc 00-1" {
		t.Errorf("%d %q", code, put)
	}
	if code, said := ask("PUT", "/workloads/shop/cart", "bad"); code != 422 || said != "it is bad\n" {
		t.Errorf("%d %q", code, said)
	}
	put = ""
	if code, _ := ask("PUT", "/workloads/shop/cart", strings.Repeat("x", 2<<20+1)); code != 413 || put != "" {
		t.Errorf("%d", code)
	}
	if code, _ := ask("DELETE", "/workloads/shop/cart", ""); code != 200 || deleted != "shop/cart" {
		t.Errorf("%d %q", code, deleted)
	}
	if code, _ := ask("PUT", "/workloads/cart", "doc"); code != 404 {
		t.Errorf("%d", code)
	}
}
