package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// attributionRequests is how many requests a case of TestAttribution sends; VITRINE_ATTRIBUTION is another number.
func attributionRequests(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("VITRINE_ATTRIBUTION"))
	switch {
	case os.Getenv("VITRINE_ATTRIBUTION") == "":
		return 240
	case err != nil:
		t.Fatalf("VITRINE_ATTRIBUTION: %v", err)
	}
	return n
}

// attributed is one request of a case: what it asks for, and what came of it.
type attributed struct {
	kind   string // requests of a kind have the same spans and lines
	path   string
	body   string
	leaves bool // the client goes away early
	status int
	err    error // of the exchange or its body
}

func (a *attributed) traceID(n int) string { return fmt.Sprintf("%032x", n+0x1000) }

// attributionUpstream answers requests that guests send, each after its own time, and keeps the traceparents that came, by path.
type attributionUpstream struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string][]string
}

func newAttributionUpstream(t *testing.T) *attributionUpstream {
	u := &attributionUpstream{seen: map[string][]string{}}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.seen[r.URL.Path] = append(u.seen[r.URL.Path], r.Header.Get("traceparent"))
		u.mu.Unlock()
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/r"))
		select {
		case <-time.After(time.Duration(n*7%23) * time.Millisecond):
		case <-r.Context().Done():
		}
		fmt.Fprintln(w, "from upstream", r.URL.Path)
	}))
	t.Cleanup(u.Close)
	return u
}

// kindsOf are the requests that a guest can answer, by turns.
func (u *attributionUpstream) kindsOf(guest string) []func(n int) attributed {
	if guest != "rust-http-p3" {
		return []func(n int) attributed{
			func(n int) attributed { return attributed{kind: "page", path: fmt.Sprintf("/page?n=%d", n)} },
			func(n int) attributed {
				return attributed{kind: "echo", path: "/echo", body: strings.Repeat("x", n*331%20000+1)}
			},
		}
	}
	return []func(n int) attributed{
		func(n int) attributed {
			return attributed{kind: "fetch", path: "/fetch?url=" + url.QueryEscape(fmt.Sprintf("%s/r%d", u.URL, n))}
		},
		func(n int) attributed { return attributed{kind: "log", path: "/log"} },
		func(n int) attributed { return attributed{kind: "sleep", path: fmt.Sprintf("/sleep?ms=%d", n*13%29)} },
		func(n int) attributed {
			return attributed{kind: "chunks", path: fmt.Sprintf("/chunks?n=3&ms=%d", n*5%11)}
		},
		func(n int) attributed { return attributed{kind: "join", path: fmt.Sprintf("/join?n=4&ms=%d", n*3%17)} },
		func(n int) attributed {
			return attributed{kind: "echo", path: "/echo", body: strings.Repeat("x", n*331%20000+1)}
		},
	}
}

// send sends the n'th request in a trace of its own.
func (a *attributed) send(base string, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	method, body := "GET", io.Reader(http.NoBody)
	if a.body != "" {
		method, body = "POST", strings.NewReader(a.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+a.path, body)
	if err != nil {
		a.err = err
		return
	}
	req.Header.Set("traceparent", "00-"+a.traceID(n)+"-b7ad6b7169203331-01")
	if a.leaves {
		timer := time.AfterFunc(time.Duration(n%9)*time.Millisecond, cancel)
		defer timer.Stop()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.err = err
		return
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	got, err := io.ReadAll(resp.Body)
	a.err = err
	switch {
	case err != nil || resp.StatusCode != 200:
	case a.kind == "echo" && string(got) != a.body,
		a.kind == "fetch" && !strings.Contains(string(got), fmt.Sprintf("from upstream /r%d\n", n)):
		a.err = fmt.Errorf("the answer is another one's: %.80q", got)
	}
}

// TestAttribution: 16 requests at once in one instance, which wait, call the host, write lines and send requests in every interleaving:
// each span, line and outgoing request is in the trace of its own request, has its parent there, and none is missing. So it is where some
// requests trap, leave early, or take too long: those that are ended with them say so, and all others have everything.
func TestAttribution(t *testing.T) {
	for _, guest := range []string{"rust-http-p3", "go126-http-async-p3", "js-qjs-hello-http-p3"} {
		for _, c := range []struct {
			name   string
			change func(n int, a *attributed)
			limit  time.Duration
		}{
			{name: "calm"},
			{name: "traps", change: func(n int, a *attributed) {
				if n%100 == 57 {
					a.kind, a.path, a.body = "trap", "/trap", ""
				}
			}},
			{name: "leaves", change: func(n int, a *attributed) { a.leaves = n%20 == 11 }},
			{name: "deadline", limit: 2 * time.Second, change: func(n int, a *attributed) {
				if n%40 == 23 {
					a.kind, a.path, a.body = "late", "/sleep?ms=60000", ""
				}
			}},
		} {
			if guest != "rust-http-p3" && (c.name == "traps" || c.name == "deadline") {
				continue // the guest has no route for it
			}
			t.Run(guest+"/"+c.name, func(t *testing.T) { attribution(t, guest, c.change, c.limit) })
		}
	}
}

func attribution(t *testing.T, guest string, change func(int, *attributed), limit time.Duration) {
	total := attributionRequests(t)
	up := newAttributionUpstream(t)
	w := newEngineHarness(t, telemetry.DetailBoundary)
	comp := guestComponent("guest", guest)
	comp.Grants.HTTP = []string{"*"}
	comp.Limits.Deadline = limit
	spec := httpWorkload(comp)
	spec.Components[0].Instances = workload.Instances{Isolation: "reuse", Max: 1, Concurrency: 16, Uses: 1 << 30}
	kinds := up.kindsOf(guest)
	all := make([]attributed, len(kinds)+total)
	w.serve(spec, func(base string) {
		for n := range kinds { // one of each kind, alone: what the others have to be like
			all[n] = kinds[n](n)
			all[n].send(base, n)
		}
		next := make(chan int)
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				for n := range next {
					all[n].send(base, n)
				}
			})
		}
		for n := len(kinds); n < len(all); n++ {
			all[n] = kinds[n%len(kinds)](n)
			if change != nil {
				change(n, &all[n])
			}
			next <- n
		}
		close(next)
		clients.Wait()
	})
	if err := w.tel.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.attributed(t, up, all, len(kinds), change == nil, limit)
}

// attributed compares each request's trace with that of the request of its kind that was alone.
func (w *engineHarness) attributed(t *testing.T, up *attributionUpstream, all []attributed, kinds int, calm bool, limit time.Duration) {
	t.Helper()
	spans, lines := map[string]tracetest.SpanStubs{}, map[string][]string{}
	for _, s := range w.spans.GetSpans() {
		if otlptest.IsWait(s.Name) {
			continue
		}
		id := s.SpanContext.TraceID().String()
		spans[id] = append(spans[id], s)
	}
	for _, r := range w.logs.Records() {
		id := r.TraceID().String()
		lines[id] = append(lines[id], r.Body().AsString())
	}
	whole, ended, instances := 0, map[string]int{}, map[string]bool{}
	models := map[string][]string{}
	for n := range all {
		a := &all[n]
		id := a.traceID(n)
		names := w.spanNames(t, a, n, spans[id], up, instances)
		failed := false // also if its answer was complete: the guest was not at its end
		for _, l := range lines[id] {
			names = append(names, "line "+l)
			failed = failed || strings.Contains(l, "trap: ")
		}
		told := lines[id]
		delete(spans, id)
		delete(lines, id)
		if a.err != nil || a.status != 200 || failed {
			ended[fmt.Sprintf("%s %d", a.kind, a.status)]++
			if late := a.kind == "late"; late != (a.status == 504) || limit > 0 && !late {
				t.Errorf("request %d, %s: status %d, %q", n, a.path, a.status, told)
			}
			if !failed && !a.leaves {
				t.Errorf("request %d, %s: status %d, %v, and no line says why: %q", n, a.path, a.status, a.err, told)
			}
			if calm || strings.Contains(fmt.Sprint(a.err), "another one's") {
				t.Errorf("request %d, %s: status %d, %v", n, a.path, a.status, a.err)
			}
			continue
		}
		whole++
		slices.Sort(names)
		if n < kinds {
			models[a.kind] = names
		} else if !slices.Equal(names, models[a.kind]) {
			t.Errorf("request %d, %s: its trace has\n%q, and that of one alone\n%q", n, a.path, names, models[a.kind])
		}
	}
	for id, left := range spans {
		for _, s := range left {
			if s.SpanKind == trace.SpanKindServer || s.SpanKind == trace.SpanKindClient || attr(s, "vitrine.instance.use") != "" {
				t.Errorf("span %q is in the trace %s, which nobody began", s.Name, id)
			}
		}
	}
	if (calm || limit > 0) && len(instances) != 1 {
		t.Errorf("there were %d instances", len(instances))
	}
	for id, left := range lines {
		if id != (trace.TraceID{}).String() {
			t.Errorf("lines %q are in the trace %s, which nobody began", left, id)
		}
	}
	t.Logf("%d requests: %d whole, ended %v, %d instances", len(all), whole, ended, len(instances))
}

// spanNames checks the spans of the n'th request, and gives their names with those of their parents.
func (w *engineHarness) spanNames(t *testing.T, a *attributed, n int, spans tracetest.SpanStubs, up *attributionUpstream, instances map[string]bool) (names []string) {
	t.Helper()
	byID := map[trace.SpanID]tracetest.SpanStub{}
	for _, s := range spans {
		byID[s.SpanContext.SpanID()] = s
	}
	servers := 0
	for _, s := range spans {
		parent, ok := byID[s.Parent.SpanID()]
		switch {
		case s.SpanKind == trace.SpanKindServer:
			servers++
			if path, _, _ := strings.Cut(a.path, "?"); attr(s, "url.path") != path || s.Parent.SpanID().String() != "b7ad6b7169203331" {
				t.Errorf("request %d, %s: a server span of %s below %s", n, a.path, attr(s, "url.path"), s.Parent.SpanID())
			}
		case !ok:
			t.Errorf("request %d, %s: span %q has no parent", n, a.path, s.Name)
		}
		if s.Name == "pool wait guest" || s.Name == "instantiate guest" {
			continue
		}
		names = append(names, s.Name+" < "+parent.Name)
		if attr(s, "vitrine.instance.use") != "" {
			instances[attr(s, "vitrine.instance.id")] = true
			if attr(s, "vitrine.instance.reuse") != "concurrent" {
				t.Errorf("request %d: reuse %q", n, attr(s, "vitrine.instance.reuse"))
			}
		}
		if s.SpanKind == trace.SpanKindClient {
			path := fmt.Sprintf("/r%d", n)
			up.mu.Lock()
			seen := up.seen[path]
			up.mu.Unlock()
			want := "00-" + a.traceID(n) + "-" + s.SpanContext.SpanID().String() + "-01"
			if !strings.HasSuffix(attr(s, "url.full"), path) || len(seen) > 1 || len(seen) == 1 && seen[0] != want {
				t.Errorf("request %d: it sent a request to %s, and upstream saw %q, want %q", n, attr(s, "url.full"), seen, want)
			}
		}
	}
	if servers > 1 || servers == 0 && !a.leaves {
		t.Errorf("request %d, %s: %d server spans", n, a.path, servers)
	}
	return names
}
