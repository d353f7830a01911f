package hostwasi_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/workload"
)

// ledger is an observer that counts what begins and has not ended: calls, operations, gauges, components. It keeps lines and operations.
type ledger struct {
	mu     sync.Mutex
	open   map[string]int
	events int // runs of services
	lines  []string
	ops    []string // operations "connection", with their attributes
}

var _ interface {
	host.ComponentObserver
	cm.Lifecycle
	cm.Gauges
	cm.Hooks
} = (*ledger)(nil)

func (l *ledger) count(what string, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[string]int{}
	}
	l.open[what] += by
}

func (l *ledger) left() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []string
	for what, n := range maps.All(l.open) {
		if n != 0 {
			left = append(left, fmt.Sprintf("%s: %d", what, n))
		}
	}
	slices.Sort(left)
	return left
}

func (l *ledger) Component(*workload.Spec, *workload.Component) host.ComponentObserver {
	l.count("components", 1)
	return l
}
func (l *ledger) Release()                                           { l.count("components", -1) }
func (l *ledger) Bind(*cm.Boundary) cm.Hooks                         { return l }
func (l *ledger) CountDropped(context.Context, host.LogLine, uint64) {}
func (l *ledger) Enter(c *cm.Call) context.Context {
	l.count("calls", 1)
	if c.Boundary.Kind == cm.Event {
		l.mu.Lock()
		l.events++
		l.mu.Unlock()
	}
	return c.Context
}
func (l *ledger) Exit(*cm.Call, cm.End) { l.count("calls", -1) }
func (l *ledger) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	l.count("operations", 1)
	return ctx, func(err error) {
		l.count("operations", -1)
		if op.Name == "connection" {
			l.mu.Lock()
			l.ops = append(l.ops, fmt.Sprint(op.Component, op.Attrs, err))
			l.mu.Unlock()
		}
	}
}
func (l *ledger) Gauge(cm.Path, cm.Gauge) func() {
	l.count("gauges", 1)
	return sync.OnceFunc(func() { l.count("gauges", -1) })
}
func (l *ledger) Log(_ context.Context, line host.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line.Stream == "stdout" {
		l.lines = append(l.lines, line.Component+": "+line.Text)
	}
}

// hostOf is a host with WASI that observes by l.
func hostOf(t *testing.T, l *ledger) *host.Local {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Config{Engine: engine, Plugins: []host.Plugin{hostwasi.New(hostwasi.Config{})}, Observer: l, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
		_ = engine.Close(ctx)
		if left := l.left(); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
	return h
}

func guest(t *testing.T, name, file string, args ...string) workload.Component {
	return workload.Component{Name: name, Source: workload.Source{File: testref.File(t, file)}, Args: append([]string{name}, args...)}
}

// await waits until a workload's status is as wanted.
func await(t *testing.T, h *host.Local, id workload.ID, wanted func(workload.Status) bool) workload.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last workload.Status
	for e := range h.Watch(ctx) {
		if last = e.Status; e.ID == id && wanted(e.Status) {
			return last
		}
	}
	t.Fatalf("the status stays %+v", last)
	return last
}

func count(n int) *int { return &n }

// TestServiceEnds: what becomes of a service, by how its guest ends, of both versions of WASI.
func TestServiceEnds(t *testing.T) {
	for _, c := range []struct {
		name, file string
		args       []string
		state      workload.ServiceState
		reason     string
	}{
		{"returns 0.3", "rust-cli-p3", []string{"hello"}, workload.ServiceCompleted, ""},
		{"returns an error 0.3", "rust-cli-p3", []string{"fail"}, workload.ServiceFailed, "exit status 1"},
		{"exit(0) 0.3", "rust-cli-p3", []string{"exit", "0"}, workload.ServiceCompleted, ""},
		{"exit(3) 0.3", "rust-cli-p3", []string{"exit", "3"}, workload.ServiceFailed, "exit status 3"},
		{"traps 0.3", "rust-cli-p3", []string{"trap"}, workload.ServiceFailed, "unreachable"},
		{"returns 0.2", "rust-cli-hostile", []string{"args"}, workload.ServiceCompleted, ""},
		{"exit(3) 0.2", "rust-cli-hostile", []string{"exit", "3"}, workload.ServiceFailed, "exit status"},
		{"traps 0.2", "rust-cli-hostile", []string{"trap"}, workload.ServiceFailed, "unreachable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &ledger{}
			h := hostOf(t, l)
			w := &workload.Spec{Name: "w", Components: []workload.Component{guest(t, "svc", c.file, c.args...)},
				Services: []workload.Service{{Component: "svc", MaxRestarts: count(1), Backoff: time.Millisecond}}}
			id, err := h.Start(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			st := await(t, h, id, func(s workload.Status) bool { return s.Services[0].State.Ended() }).Services[0]
			restarts := 1
			if c.state == workload.ServiceCompleted {
				restarts = 0
			}
			if st.State != c.state || !strings.Contains(st.Reason, c.reason) || (st.Reason == "") != (c.reason == "") || st.Restarts != restarts {
				t.Errorf("%+v", st)
			}
			if l.events != restarts+1 {
				t.Errorf("%d runs were observed", l.events)
			}
			if err := h.Stop(t.Context(), id); err != nil {
				t.Error(err)
			}
			after, err := h.Status(t.Context(), id)
			if err != nil || after.State != workload.Stopped || after.Services[0].State != c.state {
				t.Errorf("stopped: %+v, %v", after, err)
			}
		})
	}
}

// TestServiceDeadlines: neither deadline nor fuel of the component's limits bounds a run.
func TestServiceDeadlines(t *testing.T) {
	l := &ledger{}
	h := hostOf(t, l)
	c := guest(t, "svc", "rust-cli-p3", "sleep", "1000")
	c.Limits.Deadline, c.Limits.Fuel = 300*time.Millisecond, 1
	w := &workload.Spec{Name: "w", Components: []workload.Component{c}, Services: []workload.Service{{Component: "svc", Backoff: time.Millisecond}}} // the deadline bounds how long the instance is made
	id, err := h.Start(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, h, id, func(s workload.Status) bool { return s.Services[0].State.Ended() }).Services[0]; st.State != workload.ServiceCompleted {
		t.Errorf("a run that is longer than the deadline: %+v", st)
	}
}

// TestServiceIsRefused: what cannot be a service is said before anything runs.
func TestServiceIsRefused(t *testing.T) {
	l := &ledger{}
	h := hostOf(t, l)
	for want, w := range map[string]*workload.Spec{
		"does not export wasi:cli/run": {Components: []workload.Component{guest(t, "svc", "rust-http-p3")}, Services: []workload.Service{{Component: "svc"}}},
		"there is no component other":  {Components: []workload.Component{guest(t, "svc", "rust-cli-p3")}, Services: []workload.Service{{Component: "other"}}},
		"has to be built for WASI 0.3": {Components: []workload.Component{guest(t, "svc", "rust-service-p2"), {Name: "a", Source: workload.Source{File: testref.File(t, "rust-http-p3")}, Grants: workload.Grants{HTTP: []string{"http://svc.internal"}}}},
			Services: []workload.Service{{Component: "svc"}}},
	} {
		w.Name = "w"
		if _, err := h.Start(t.Context(), w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, wanted %s", err, want)
		}
		if _, err := h.Check(t.Context(), w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("checked: %v, wanted %s", err, want)
		}
	}
	if l.events != 0 {
		t.Errorf("%d runs", l.events)
	}
}

// TestServicesTalk: a server and its client, both of WASI 0.2 and unchanged, in one workload without a grant: they meet in its loopback, which
// the machine's is no part of.
func TestServicesTalk(t *testing.T) {
	l := &ledger{}
	h := hostOf(t, l)
	w := &workload.Spec{Name: "w", Components: []workload.Component{guest(t, "lines", "rust-service-p2", "7001"), guest(t, "client", "rust-tcp-client-p2", "7001", "hello", "quit")},
		Services: []workload.Service{{Component: "lines"}, {Component: "client", Backoff: 10 * time.Millisecond, MaxBackoff: 10 * time.Millisecond}}}
	id, err := h.Start(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	st := await(t, h, id, func(s workload.Status) bool { return s.Services[0].State.Ended() && s.Services[1].State.Ended() })
	if st.Services[0].State != workload.ServiceCompleted || st.Services[1].State != workload.ServiceCompleted {
		t.Errorf("%+v", st.Services)
	}
	if err := h.Stop(t.Context(), id); err != nil {
		t.Error(err)
	}
	l.lines = slices.DeleteFunc(l.lines, func(line string) bool { return strings.Contains(line, "refused") }) // before the server listened
	slices.Sort(l.lines)
	if want := []string{"client: bye", "client: olleh <- hello", "lines: listening 7001", "lines: served 1"}; !slices.Equal(l.lines, want) {
		t.Errorf("they said %q", l.lines)
	}
	if want := []string{"client[{connection.peer lines} {network.transport tcp} {server.port 7001} {connection.sent 11} {connection.received 19}] <nil>"}; !slices.Equal(l.ops, want) {
		t.Errorf("connections: %q", l.ops)
	}
}

// TestServiceRestarts: a thousand restarts leave nothing behind.
func TestServiceRestarts(t *testing.T) {
	l := &ledger{}
	h := hostOf(t, l)
	many := 1000
	w := &workload.Spec{Name: "w", Components: []workload.Component{guest(t, "svc", "rust-cli-p3", "exit", "1"), guest(t, "tcp", "rust-tcp-client-p2", "7", "x")},
		Services: []workload.Service{
			{Component: "svc", MaxRestarts: &many, Backoff: time.Microsecond, MaxBackoff: time.Microsecond},
			{Component: "tcp", MaxRestarts: &many, Backoff: time.Microsecond, MaxBackoff: time.Microsecond}}}
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	id, err := h.Start(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	st := await(t, h, id, func(s workload.Status) bool { return s.Services[0].State.Ended() && s.Services[1].State.Ended() })
	for _, s := range st.Services {
		if s.State != workload.ServiceFailed || s.Restarts != many {
			t.Errorf("%+v", s)
		}
	}
	if l.events != 2*(many+1) {
		t.Errorf("%d runs were observed", l.events)
	}
	if n := descriptors(t); n > before+2 {
		t.Errorf("%d descriptors, and %d before", n, before)
	}
	l.mu.Lock()
	left := l.open["calls"] + l.open["operations"]
	gauges := l.open["gauges"]
	l.mu.Unlock()
	if left != 0 || gauges != 4 { // state and restarts of each; those of pools have ended
		t.Errorf("left: %q", l.left())
	}
	if err := h.Stop(t.Context(), id); err != nil {
		t.Error(err)
	}
	for begun := time.Now(); runtime.NumGoroutine() > goroutines && time.Since(begun) < 30*time.Second; { // one ends after what it has done is seen
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, and %d before: %s", n, goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	t.Logf("%d restarts each: %d goroutines, %d before; %d descriptors, %d before", many, runtime.NumGoroutine(), goroutines, descriptors(t), before)
}

// descriptors is how many the process has; 0 where that is not known.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	found, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}
