package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/workload"
)

// chainRequest is one request of TestChains.
type chainRequest struct{ method, path, body, trailer string }

func chainRequests(upstream string) []chainRequest {
	u := url.QueryEscape(upstream + "/a")
	return []chainRequest{
		{path: "/hello"}, {method: "HEAD", path: "/hello"}, {path: "/nothing"}, {path: "/headers"}, {path: "/status?code=204"}, {path: "/status?code=99"},
		{path: "/env"}, {path: "/log"},
		{method: "POST", path: "/echo", body: "short"}, {method: "POST", path: "/echo", body: strings.Repeat("0123456789", 100_000)},
		{method: "POST", path: "/copy?buf=100", body: strings.Repeat("0123456789", 1000)},
		{method: "POST", path: "/count", body: "hello"}, {method: "POST", path: "/count", body: "hello", trailer: "1"}, {path: "/trailers"},
		{path: "/chunks?n=5&ms=3&size=3000"}, {path: "/sleep?ms=30"}, {path: "/join?n=4&ms=30"},
		{path: "/fetch?url=" + u}, {method: "POST", path: "/proxy?url=" + u, body: "for upstream"}, {path: "/fetch?url=http%3A%2F%2Fdenied.example%2F"},
		{path: "/error"}, {path: "/abort"}, {path: "/trap"}, {path: "/panic"}, {path: "/hello"},
	}
}

// answer is all of a response that does not differ between runs.
func (r *chainRequest) answer(ctx context.Context, base string, n int) string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	if r.trailer != "" {
		body = io.MultiReader(body) // of unknown length
	}
	req, err := http.NewRequestWithContext(ctx, r.method, base+r.path, body)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("traceparent", "00-"+chainTrace(n)+"-b7ad6b7169203331-01")
	if r.trailer != "" {
		req.Trailer = http.Header{"X-N": {r.trailer}}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d, broken off %t\n", r.path, resp.StatusCode, err != nil)
	for _, fields := range []http.Header{resp.Header, resp.Trailer} {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if name != "Date" && name != "Content-Length" { // net/http sends a length if a body ends before the head has gone out
				fmt.Fprintf(&b, "%s: %q\n", name, fields[name])
			}
		}
	}
	return b.String() + string(got)
}

func chainTrace(n int) string { return fmt.Sprintf("%032x", n+0x2000) }

// chained answers the requests, and gives the answers and the tree of spans and lines of each.
func chained(t *testing.T, detail telemetry.Detail, spec *workload.Spec, requests []chainRequest, hide map[string]string) (answers, trees []string) {
	w := newEngineHarness(t, detail)
	for addr, name := range hide {
		w.hideAddress(addr, name)
	}
	w.serve(spec, func(base string) {
		for n := range requests {
			answers = append(answers, requests[n].answer(t.Context(), base, n))
		}
	})
	differs := regexp.MustCompile(`(?i)(traceparent: ).*|(slept |in )\d+ ms|(service\.instance\.id=)[0-9a-f-]+`)
	for n := range requests {
		answers[n] = strings.NewReplacer(w.hide...).Replace(differs.ReplaceAllString(answers[n], "$1$2$3"))
		tree := w.tree(func(s tracetest.SpanStub) bool {
			return s.SpanContext.TraceID().String() == chainTrace(n) && attr(s, "vitrine.operation") == "" // which instance it is depends on the time
		})
		tree = varying.ReplaceAllString(othersLines.ReplaceAllString(tree, ""), "")
		trees = append(trees, tree)
	}
	return answers, trees
}

// othersLines are lines of no span of the tree.
var othersLines = regexp.MustCompile(`(?m)^log (.*[^ ]"|\w+ exception ".*")\n`)

// varying are attributes that a span has only if they differ from those of its own component or if it had to wait, and which use of which
// instance it is.
var varying = regexp.MustCompile(`(?m)^ *\| vitrine\.(?:fuel\.total|guest\.time\.total|callee\.time|wait\.time|instance\.(?:use|reuse))=.*\n`)

// chainSpec is a workload of rust-http-p3 behind a chain of components "name=guest".
func chainSpec(links ...string) *workload.Spec {
	spec := httpWorkload(servingComponent("rust-http-p3"))
	var chain []string
	for _, l := range links {
		name, guest, _ := strings.Cut(l, "=")
		chain = append(chain, name)
		if spec.Component(name) == nil {
			spec.Components = append(spec.Components, guestComponent(name, guest))
		}
	}
	spec.Components[0].Instances.Isolation = ""
	spec.Triggers[0].Chain = chain
	return spec
}

// servingComponent is the component that the trigger calls: what is granted to it, it has alone in a chain.
func servingComponent(guest string) workload.Component {
	c := guestComponent("service", guest)
	c.Environment = map[string]string{"OF": "service"}
	return c
}

// TestChains: a chain of the workload answers as the same components do that wac has composed, and has the same spans and lines: names,
// kinds, parents, outcomes and attributes. Only the services differ: each component of a chain is its own.
func TestChains(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "from upstream: %s", body)
	}))
	defer upstream.Close()
	hide := map[string]string{upstream.Listener.Addr().String(): "UPSTREAM"}
	requests := chainRequests(upstream.URL)
	service := regexp.MustCompile(`\[(\w+) [\w-]*\]`)
	for composed, chain := range map[string][]string{
		"mw1-composed-p3": {"a=rust-mw-a-p3"}, "mw2-composed-p3": {"b=rust-mw-b-p3", "a=rust-mw-a-p3"}, "mw-upper-composed-p3": {"a=rust-mw-upper-p3"},
	} {
		t.Run(composed, func(t *testing.T) {
			whole := httpWorkload(servingComponent(composed))
			whole.Components[0].Instances.Isolation = ""
			byChain := chainSpec(chain...)
			for _, spec := range []*workload.Spec{whole, byChain} {
				spec.Components[0].Grants.HTTP = []string{upstream.URL}
			}
			wantAnswers, wantTrees := chained(t, telemetry.DetailBoundary, whole, requests, hide)
			answers, trees := chained(t, telemetry.DetailBoundary, byChain, requests, hide)
			for n, r := range requests {
				if answers[n] != wantAnswers[n] {
					t.Errorf("%s: the chain answers\n%.2000s\nand the composition\n%.2000s", r.path, answers[n], wantAnswers[n])
				}
				got := service.ReplaceAllString(trees[n], "[$1]")
				want := service.ReplaceAllString(strings.ReplaceAll(wantTrees[n], "service/", ""), "[$1]")
				if got != want {
					t.Errorf("%s: the chain has\n%s\nand the composition\n%s", r.path, got, want)
				}
			}
			if spans := strings.Count(trees[0], "#handle ["); spans != len(chain)+1 {
				t.Errorf("%d spans of handlers:\n%s", spans, trees[0])
			}
		})
	}
}

// TestChainTree: the spans and lines of chains, each component a service of its own, also one that is in a chain twice.
func TestChainTree(t *testing.T) {
	requests := []chainRequest{{path: "/hello"}, {path: "/abort"}, {path: "/trap"}}
	for name, chain := range map[string][]string{
		"two": {"b=rust-mw-b-p3", "upper=rust-mw-upper-p3"}, "the same twice": {"a=rust-mw-a-p3", "b=rust-mw-b-p3", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			_, trees := chained(t, telemetry.DetailBoundary, chainSpec(chain...), requests, nil)
			telemetry.Golden(t, strings.Join(trees, "\n"))
		})
	}
}

// TestChainOfHandlers: components of WASI 0.2 that import and export incoming-handler are a chain as well.
func TestChainOfHandlers(t *testing.T) {
	spec := httpWorkload(servingComponent("rust-http-full-p2"), guestComponent("through", filepath.Join("testdata", "through.wasm")))
	spec.Triggers[0].Chain = []string{"through", "through"}
	requests := []chainRequest{{path: "/hello"}, {method: "POST", path: "/echo", body: strings.Repeat("0123456789", 100_000)}, {path: "/trap"}}
	answers, trees := chained(t, telemetry.DetailBoundary, spec, requests, nil)
	if !strings.HasSuffix(answers[0], "hello from rust-http-full-p2\n") || !strings.HasSuffix(answers[1], requests[1].body) {
		t.Errorf("%.300s\n%.300s", answers[0], answers[1])
	}
	telemetry.Golden(t, strings.Join(trees, "\n"))
}

// TestChainKeepsApart: what one component of a chain has been granted and told, and what it may write, is not the others'.
func TestChainKeepsApart(t *testing.T) {
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	spec := chainSpec("a=rust-mw-a-p3")
	service, a := &spec.Components[0], &spec.Components[1]
	a.Grants.HTTP = []string{"*"}
	a.Environment = map[string]string{"SECRET": "of-a"}
	a.Limits = workload.Limits{OutputLines: 1, Deadline: time.Nanosecond, Memory: 1}
	a.Instances = workload.Instances{Isolation: "fresh", Max: 1}
	service.Environment = map[string]string{"OF": "service"}
	w := newEngineHarness(t, telemetry.DetailBoundary)
	var answers []string
	requests := []chainRequest{{path: "/env"}, {path: "/fetch?url=" + url.QueryEscape(upstream.URL)}, {path: "/log"}}
	w.serve(spec, func(base string) {
		for n := range requests {
			answers = append(answers, requests[n].answer(t.Context(), base, n))
		}
	})
	if !strings.Contains(answers[0], `("OF", "service")`) || strings.Contains(answers[0], "of-a") {
		t.Errorf("the service's environment: %s", answers[0])
	}
	if !strings.Contains(answers[1], " 502,") || !strings.Contains(answers[1], "HttpRequestDenied") {
		t.Errorf("the service sends requests by another one's grant: %s", answers[1])
	}
	if err := w.tel.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range w.logs.Records() {
		if r.TraceID().String() == chainTrace(2) {
			name, _ := r.Resource().Set().Value("service.name")
			lines = append(lines, name.AsString()+": "+r.Body().AsString())
		}
	}
	want := []string{"service: stdout 0.2: /log", "service: stderr 0.2: /log", "service: stdout 0.3: line", "service: stderr 0.3: line", "a: [mw-a] Method::Get /log -> 200"}
	if !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
}

// TestClientLinked: client.send of a component is linked straight to the handler of another: no connection, no grant, and a span of the callee.
func TestClientLinked(t *testing.T) {
	caller := guestComponent("caller", "rust-http-p3")
	caller.Links = map[string]string{"wasi:http/client": "service"}
	spec := httpWorkload(caller, servingComponent("rust-http-p3"))
	spec.Components[0].Instances.Isolation = ""
	u := url.QueryEscape("http://anywhere.example")
	requests := []chainRequest{
		{path: "/fetch?url=" + u + "%2Fhello"}, {method: "POST", path: "/proxy?url=" + u + "%2Fecho", body: strings.Repeat("0123456789", 100_000)},
		{path: "/fetch?url=" + u + "%2Ferror"}, {path: "/fetch?url=" + u + "%2Fabort"}, {path: "/fetch?url=" + u + "%2Ftrap"},
	}
	answers, trees := chained(t, telemetry.DetailBoundary, spec, requests, nil)
	for n, want := range []string{"hello from rust-http-p3\n", requests[1].body, "", "this body breaks off\n", "the component failed\n"} {
		if !strings.HasSuffix(answers[n], want) || strings.Contains(answers[n], "broken off true") != (n == 3) {
			t.Errorf("%s: %.300s", requests[n].path, answers[n])
		}
	}
	telemetry.Golden(t, strings.Join(trees, "\n"))
}
