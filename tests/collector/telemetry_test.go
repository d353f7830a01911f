package collector

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the goldens")

// guest is the path of a prebuilt guest of the repository.
func guest(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(Root(), "testdata", "guests", "prebuilt", name+".component.wasm")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("there is no prebuilt guest %s: %v", name, err)
	}
	return path
}

const callerSpan = "b7ad6b7169203331"

// send sends a request in a new trace and returns the status; 0 without a response.
func send(ctx context.Context, t *testing.T, url, traceID string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", "00-"+traceID+"-"+callerSpan+"-01")
	r.Header.Set("authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

const secret = "s3cr3t-value"

// goldenAttributes are the attributes that goldens show.
var goldenAttributes = []string{"http.route", "http.response.status_code", "error.type", "vitrine.blame", "vitrine.outcome", "vitrine.result.error"}

func golden(t *testing.T, name, got string) {
	t.Helper()
	goldenFile(t, filepath.Join("testdata", name+".golden"), got)
}

func goldenFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestTrees compares the spans of each kind of request, as a real Collector has received them, with goldens.
func TestTrees(t *testing.T) {
	full := guest(t, "rust-http-full-p2")
	c := Start(t)
	binary := Vitrine(t)
	var outgoing atomic.Value
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outgoing.Store(r.Header.Get("traceparent"))
		fmt.Fprintln(w, "from upstream")
	}))
	defer upstream.Close()
	linked := filepath.Join(t.TempDir(), "vitrine.yaml")
	manifest := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, namespace: test}
spec:
  components:
    - {name: http, source: {file: %q}, links: {"shop:cart/cart": cart}}
    - {name: cart, source: {file: %q}, links: {"shop:price/price": price}}
    - {name: price, source: {file: %q}}
  triggers:
    - http: {path: /, component: http}
`, guest(t, "rust-shop-http"), guest(t, "rust-cart"), guest(t, "rust-price"))
	if err := os.WriteFile(linked, []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, path string
		args       []string
		gone       bool // the client goes away
		detail     string
		status     int
	}{
		{name: "host guest host", path: "/fetch?url=" + upstream.URL + "/x%3Ftoken%3D" + secret, args: []string{full, "--allow-http", "*"}, status: 200},
		{name: "composed", path: "/total?items=3", args: []string{guest(t, "shop-composed")}, status: 200},
		{name: "linked", path: "/total?items=3", args: []string{linked}, status: 200},
		{name: "trap in the third", path: "/total?items=13", args: []string{guest(t, "shop-composed")}, status: 500},
		{name: "guest says 500", path: "/status?code=500&token=" + secret, args: []string{full}, status: 500},
		{name: "client gone", path: "/sleep?ms=60000", args: []string{full}, gone: true},
		{name: "environment read", path: "/env", args: []string{full}, detail: "all", status: 200},
		{name: "deadline", path: "/spin", args: []string{full, "--deadline", "300ms"}, status: 504},
	}
	traceID := func(i int) string { return fmt.Sprintf("%032x", i+1) }
	for i, tc := range cases {
		// The environment and the configuration of the component hold the secret, too.
		args := append([]string{"--env", "TOKEN=" + secret, "--config", "token=" + secret, "--detail", "all"}, tc.args...)
		if tc.detail == "" {
			args = append(args[:4:4], tc.args...)
		}
		up := Serve(t, binary, c.HTTP, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, args...)
		ctx, cancel := t.Context(), func() {}
		if tc.gone {
			ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
		}
		if got := send(ctx, t, up.URL+tc.path, traceID(i)); got != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, got, tc.status)
		}
		cancel()
		up.Stop()
	}
	c.Stop(t)
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			spans := c.Spans(t, traceID(i))
			if tc.detail == "all" {
				return // the number of streams depends on the guest; the spans are searched for the secret below
			}
			golden(t, strings.ReplaceAll(tc.name, " ", "_"), Tree(spans, goldenAttributes...))
			for _, s := range spans {
				if s.Kind == "Server" && s.Parent != callerSpan {
					t.Errorf("the server span's parent is %s, want the caller's %s", s.Parent, callerSpan)
				}
				if s.Kind == "Client" {
					if want := "00-" + traceID(i) + "-" + s.ID + "-01"; outgoing.Load() != want {
						t.Errorf("traceparent that went out is %v, want %s", outgoing.Load(), want)
					}
				}
			}
		})
	}
	if raw := c.Raw(t); strings.Contains(raw, secret) {
		t.Errorf("the collector has received the secret: …%.400s…", raw[max(0, strings.Index(raw, secret)-200):])
	}
}

// TestProtocols: all three signals arrive over both protocols, each component with a resource of its own.
func TestProtocols(t *testing.T) {
	full := guest(t, "rust-http-full-p2")
	c := Start(t)
	binary := Vitrine(t)
	cases := []struct{ protocol, endpoint string }{{"grpc", c.GRPC}, {"http/protobuf", c.HTTP}}
	name := func(i int) string { return fmt.Sprintf("service-%d", i) }
	traceID := func(i int) string { return fmt.Sprintf("%032x", i+1) }
	for i, tc := range cases {
		up := Serve(t, binary, tc.endpoint, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=" + tc.protocol, "OTEL_SERVICE_NAME=" + name(i)}, full)
		if got := send(t.Context(), t, up.URL+"/log", traceID(i)); got != 200 {
			t.Errorf("%s: status %d", tc.protocol, got)
		}
		up.Stop()
	}
	c.Stop(t)
	for i, tc := range cases {
		t.Run(strings.ReplaceAll(tc.protocol, "/", "-"), func(t *testing.T) {
			spans := map[string]bool{}
			for _, s := range c.Spans(t, traceID(i)) {
				spans[s.ID] = true
				if s.Service != name(i) {
					t.Errorf("%s is of service %s", s.Name, s.Service)
				}
			}
			if len(spans) < 2 {
				t.Errorf("%d spans", len(spans))
			}
			lines := map[string]string{}
			for _, r := range c.Records(t) {
				if r.Service == name(i) && spans[r.SpanID] && r.TraceID == traceID(i) {
					lines[r.Body] = r.Attributes["log.iostream"]
				}
			}
			if lines["stdout 0.2: /log"] != "stdout" || lines["stderr 0.2: /log"] != "stderr" {
				t.Errorf("lines of the request: %v", lines)
			}
			metrics := c.Metrics(t)
			for metric, unit := range map[string]string{
				"http.server.request.duration": "s", "http.server.response.body.size": "By",
				"vitrine.invocations": "{invocation}", "vitrine.startup.duration": "s", "vitrine.fuel": "{unit}",
			} {
				if got, ok := metrics[name(i)+" "+metric]; !ok || got != unit {
					t.Errorf("metric %s: unit %q, there %t", metric, got, ok)
				}
			}
		})
	}
}
