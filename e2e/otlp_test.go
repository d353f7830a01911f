package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// treeOf is all spans of a trace as "name kind(children)", children in the order of their start.
// Waits are left out, which are spans only if they take a millisecond.
func treeOf(c *otlptest.Collector, trace string) string {
	children := map[string][]string{}
	names, starts := map[string]string{}, map[string]uint64{}
	for _, s := range c.Spans() {
		if id, parent := hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId); hex.EncodeToString(s.TraceId) == trace {
			if wait.MatchString(s.Name) {
				continue
			}
			name, _, _ := strings.Cut(s.Name, " wasi:")
			names[id] += name + " " + strings.ToLower(strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"))
			starts[id] = s.StartTimeUnixNano
			children[parent] = append(children[parent], id)
		}
	}
	var of func(id string) string
	of = func(id string) string {
		var below []string
		slices.SortFunc(children[id], func(a, b string) int { return int(int64(starts[a] - starts[b])) })
		for _, child := range children[id] {
			below = append(below, of(child))
		}
		if len(below) == 0 {
			return names[id]
		}
		return names[id] + "(" + strings.Join(below, ", ") + ")"
	}
	var roots []string
	for parent, ids := range children {
		if names[parent] == "" {
			for _, id := range ids {
				roots = append(roots, of(id))
			}
		}
	}
	slices.Sort(roots)
	return strings.Join(roots, "; ")
}

var wait = regexp.MustCompile(`^wasi:(io/|clocks/)\S*#(poll|\[method\](pollable\.block|(in|out)put-stream\.blocking-[a-z-]+)|wait-for|wait-until)$`)

// upstreamOf is a server that keeps the traceparent of requests.
func upstreamOf(t *testing.T) (url string, seen chan string) {
	t.Helper()
	seen = make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Traceparent") }))
	t.Cleanup(srv.Close)
	return srv.URL + "/", seen
}

// A guest whose SDK exports by OTLP over wasi:http, stock but for its transport, makes the tree that one of wasi:otel makes, once; its log
// records and metrics are in it, and everything is the component's.
func TestOTLPOfGuests(t *testing.T) {
	for name, settings := range map[string][]string{
		"protobuf":       nil,
		"protobuf, gzip": {"--env", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"},
		"json":           {"--env", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"},
		"json, gzip":     {"--env", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "--env", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			c := otlptest.New(t)
			url, seen := upstreamOf(t)
			env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
			s := up(t, env, append(settings, "--allow-http", url, testref.File(t, "rust-otlp-p2"))...)
			status, ids, err := s.get("/trace?url="+url, "", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			trace, work, _ := strings.Cut(strings.TrimSpace(ids), " ")
			if err != nil || status != 200 || trace != otlptest.SampleTrace {
				t.Fatalf("%d %q %v", status, ids, err)
			}
			s.stop()

			const want = "GET / server(rust-otlp-p2 internal(work internal(pause internal, call client(GET client))))"
			if got := treeOf(c, trace); got != want {
				t.Errorf("the trace is\n%s, want\n%s", got, want)
			}
			call, requests := "", 0
			for _, x := range c.Spans() {
				id := hex.EncodeToString(x.SpanId)
				switch x.Name {
				case "call":
					call = id
				case "GET":
					requests++
					if got, want := <-seen, "00-"+trace+"-"+id+"-01"; got != want {
						t.Errorf("the upstream saw %s, want %s", got, want)
					}
				case "work":
					if id != work || len(x.Events) != 1 || x.Events[0].Name != "done" || fmt.Sprint(x.Attributes) == "" {
						t.Errorf("work is %v", x)
					}
				}
			}
			if requests != 1 {
				t.Errorf("%d requests have spans", requests)
			}
			spanOf := map[string]string{"at work": work, "called": call}
			records := map[string]int{}
			for _, r := range c.Records() {
				body := r.Body.GetStringValue()
				if want := spanOf[body]; want != "" {
					records[body]++
					if hex.EncodeToString(r.TraceId) != trace || hex.EncodeToString(r.SpanId) != want || r.TimeUnixNano == 0 && r.ObservedTimeUnixNano == 0 {
						t.Errorf("%v, want span %s", r, want)
					}
				}
			}
			if len(records) != 2 || records["at work"] != 1 || records["called"] != 1 {
				t.Errorf("log records %v", records)
			}
			checkGuestMetrics(t, c)
			checkIdentity(t, c)
		})
	}
}

// checkGuestMetrics: the guest's metrics come once, and those of its exports count these and nothing else.
func checkGuestMetrics(t *testing.T, c *otlptest.Collector) {
	t.Helper()
	items, sizes, exports, durations := 0, 0, int64(0), uint64(0)
	for _, r := range c.Metrics() {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				switch m.Name {
				case "guest.items":
					items++
					if p := m.GetSum().DataPoints; len(p) != 1 || p[0].GetAsInt() != 3 || p[0].Attributes[0].Key != "kind" || p[0].StartTimeUnixNano == 0 || p[0].TimeUnixNano < p[0].StartTimeUnixNano {
						t.Errorf("%v", m)
					}
				case "guest.size":
					sizes++
					if p := m.GetHistogram().DataPoints; len(p) != 1 || p[0].GetSum() != 2.5 || p[0].Count != 1 {
						t.Errorf("%v", m)
					}
				case "vitrine.guest_telemetry.requests":
					exports = 0
					for _, p := range m.GetSum().DataPoints {
						exports += p.GetAsInt()
					}
				case "http.client.request.duration":
					durations = 0
					for _, p := range m.GetHistogram().DataPoints {
						durations += p.Count
					}
				}
			}
		}
	}
	if items != 1 || sizes != 1 || exports != 6 || durations != 1 { // three spans, two records, metrics
		t.Errorf("guest.items %d times, guest.size %d times, %d exports, %d other requests", items, sizes, exports, durations)
	}
}

// checkIdentity: whatever tells of the component has the same service.
func checkIdentity(t *testing.T, c *otlptest.Collector) {
	t.Helper()
	services := map[string]map[string]bool{}
	note := func(scope, attributes string) {
		if services[scope] == nil {
			services[scope] = map[string]bool{}
		}
		services[scope][attributes] = true
	}
	for _, r := range c.Traces() {
		for _, s := range r.ScopeSpans {
			note(s.Scope.Name, fmt.Sprint(r.Resource.Attributes))
		}
	}
	for _, r := range c.Logs() {
		for _, s := range r.ScopeLogs {
			note(s.Scope.Name, fmt.Sprint(r.Resource.Attributes))
		}
	}
	if len(services["guest"]) != 1 {
		t.Fatalf("the guest has the resources %v", services["guest"])
	}
	for resource := range services["guest"] {
		if !strings.Contains(resource, `value:{string_value:"rust-otlp-p2"}`) || !services["github.com/vitrine-wasm/vitrine"][resource] {
			t.Errorf("the guest's resource is none of the host's: %s", resource)
		}
	}
}

// A guest of wasi:otel and one of OTLP that do the same make the same tree.
func TestOTLPAndWASIOtelAgree(t *testing.T) {
	trees := map[string]string{}
	for _, guest := range []string{"rust-otlp-p2", "rust-otel-p2"} {
		c := otlptest.New(t)
		url, _ := upstreamOf(t)
		s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--allow-http", url, testref.File(t, guest))
		if status, text, err := s.get("/trace?url="+url, "", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); status != 200 || err != nil {
			t.Fatalf("%d %q %v", status, text, err)
		}
		s.stop()
		trees[guest] = strings.ReplaceAll(treeOf(c, otlptest.SampleTrace), guest, "guest")
	}
	if trees["rust-otlp-p2"] != trees["rust-otel-p2"] || !strings.Contains(trees["rust-otel-p2"], "call client(GET client)") {
		t.Errorf("the trees are\n%s\n%s", trees["rust-otlp-p2"], trees["rust-otel-p2"])
	}
}

// manifest is a workload of one component of guest telemetry.
func manifest(t *testing.T, rest string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, namespace: team, version: "1.2"}
spec:
  components:
  - name: cart
    source: {file: ` + testref.File(t, "rust-otlp-p2") + "}\n" + rest + `
  triggers:
  - http: {path: /, component: cart}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What a component's environment says of OpenTelemetry is the operator's, one variable or all; where nobody takes telemetry it has none.
func TestOTLPEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env, host  []string
		rest       string
		want, lack []string
	}{
		"given": {
			want: []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=http://otel.vitrine.internal\n", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n", "OTEL_SERVICE_NAME=cart\n",
				"service.namespace=team", "service.version=1.2", "service.instance.id=",
			},
			lack: []string{"TRACEPARENT", "host.name", "process.pid"},
		},
		"the manifest's protocol":   {rest: "    environment: {OTEL_EXPORTER_OTLP_PROTOCOL: http/json}", want: []string{"ENDPOINT=http://otel.vitrine.internal\n", "PROTOCOL=http/json\n"}},
		"the manifest's collector":  {rest: "    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318'}", want: []string{"ENDPOINT=http://collector:4318\n", "OTEL_SERVICE_NAME=cart\n"}, lack: []string{"PROTOCOL", "internal"}},
		"the manifest's identity":   {rest: "    environment: {OTEL_SERVICE_NAME: other, OTEL_RESOURCE_ATTRIBUTES: ''}", want: []string{"OTEL_SERVICE_NAME=other\n", "OTEL_RESOURCE_ATTRIBUTES=\n", "internal"}},
		"guest telemetry off":       {rest: "    telemetry: {guest: off}", lack: []string{"OTEL_"}},
		"the operator's own name":   {host: []string{"OTEL_SERVICE_NAME=renamed"}, want: []string{"OTEL_SERVICE_NAME=renamed\n"}},
		"nobody takes telemetry":    {host: []string{"OTEL_SDK_DISABLED=true"}, lack: []string{"OTEL_"}},
		"no exporter was asked for": {host: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_EXPORTER_OTLP_PROTOCOL="}, lack: []string{"OTEL_"}},
	} {
		t.Run(name, func(t *testing.T) {
			collector := otlptest.New(t)
			env := append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, c.host...)
			s := up(t, env, manifest(t, c.rest))
			status, text, err := s.get("/env", "")
			if status != 200 || err != nil {
				t.Fatalf("%d %q %v", status, text, err)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in %q", want, text)
				}
			}
			for _, lack := range c.lack {
				if strings.Contains(text, lack) {
					t.Errorf("%q is in %q", lack, text)
				}
			}
		})
	}
}

// A component whose manifest names another collector sends there, if it is granted; then its requests are as any others.
func TestOTLPToAnotherCollector(t *testing.T) {
	own, host := otlptest.New(t), otlptest.New(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + host.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	setting := "    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: '" + own.URL + "', OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf}\n"
	s := up(t, env, manifest(t, setting+"    grants: {http: ['"+own.URL+"']}"))
	if status, text, err := s.get("/trace", ""); status != 200 || err != nil {
		t.Fatalf("%d %q %v", status, text, err)
	}
	s.stop()
	names := func(c *otlptest.Collector) (out []string) {
		for _, x := range c.Spans() {
			out = append(out, x.Name)
		}
		return out
	}
	if got := names(own); !slices.Contains(got, "work") || !slices.Contains(got, "pause") {
		t.Errorf("the component's collector has %v", got)
	}
	if got := names(host); slices.Contains(got, "work") || !slices.Contains(got, "POST") {
		t.Errorf("the host's collector has %v", got)
	}

	before := own.Requests()
	s = up(t, env, manifest(t, setting))
	if status, text, _ := s.get("/trace", ""); status != 502 {
		t.Errorf("without a grant: %d %q", status, text)
	}
	s.stop()
	if own.Requests() != before || !strings.Contains(host.Wire(), "HTTP-request-denied") {
		t.Errorf("without a grant the component's collector has %d requests more", own.Requests()-before)
	}
}

// The client of WASI 0.3 reaches the collector, too: without a grant, a connection or a span.
func TestOTLPOverWASI03(t *testing.T) {
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, testref.File(t, "rust-http-p3"))
	for url, want := range map[string]string{
		"http://otel.vitrine.internal/v1/traces":         "the content type is neither application/x-protobuf nor application/json\n", // the guest sends none
		"https://OTEL.vitrine.internal:4318/v1/profiles": "there are /v1/traces, /v1/metrics and /v1/logs\n",
	} {
		s.expect("/proxy?url="+url, "body", 200, want)
	}
	s.expect("/proxy?url=http://otel.vitrine.internal.example/v1/traces", "body", 502, "upstream: ErrorCode::HttpRequestDenied\n")
	s.stop()
	denied, statuses := 0, map[int64]int64{}
	for _, x := range c.Spans() {
		if x.Kind.String() == "SPAN_KIND_CLIENT" {
			denied++
		}
	}
	for _, r := range c.Metrics() {
		for _, sm := range r.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name == "vitrine.guest_telemetry.requests" {
					for _, p := range m.GetSum().DataPoints {
						for _, kv := range p.Attributes {
							if kv.Key == "http.response.status_code" {
								statuses[kv.Value.GetIntValue()] = p.GetAsInt()
							}
						}
					}
				}
			}
		}
	}
	if denied != 1 || fmt.Sprint(statuses) != "map[404:1 415:1]" {
		t.Errorf("%d spans of requests, exports by status %v", denied, statuses)
	}
}

// Switched off, the component's telemetry goes nowhere, and the component does not notice.
func TestOTLPOff(t *testing.T) {
	c := otlptest.New(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	s := up(t, env, manifest(t, "    telemetry: {guest: off}\n    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel.vitrine.internal', OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf}"))
	if status, text, err := s.get("/trace", ""); status != 200 || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
	s.stop()
	for _, x := range c.Spans() {
		if x.Name == "work" || x.Name == "POST" {
			t.Errorf("there is a span %v", x)
		}
	}
	if len(c.Spans()) < 2 {
		t.Errorf("the host has told %d spans", len(c.Spans()))
	}
}

// A command is given the span that it runs in.
func TestTraceparentOfCommands(t *testing.T) {
	guest := testref.File(t, "rust-cli-hostile")
	c := otlptest.New(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	code, stdout, stderr := runEnv(t, env, "", "run", guest, "env")
	if code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	got := ""
	for line := range strings.Lines(stdout) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "TRACEPARENT="); ok {
			got = v
		}
	}
	want := ""
	for _, s := range c.Spans() {
		if strings.Contains(s.Name, "wasi:cli/run") {
			want = "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
		}
	}
	if got == "" || got != want || !strings.Contains(stdout, "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel.vitrine.internal") {
		t.Errorf("TRACEPARENT=%s, want %s: %s", got, want, stdout)
	}
	if code, stdout, stderr = runEnv(t, env, "", "run", "--env", "TRACEPARENT=own", guest, "env"); code != 0 || strings.Count(stdout, "TRACEPARENT=") != 1 || !strings.Contains(stdout, "TRACEPARENT=own") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if code, stdout, stderr = runEnv(t, nil, "", "run", guest, "env"); code != 0 || strings.Contains(stdout, "TRACEPARENT") || strings.Contains(stdout, "OTEL_") {
		t.Errorf("without telemetry: %d %s %s", code, stdout, stderr)
	}
}

// What a guest sends to harm its host is answered within limits, and the next request is served as ever.
func TestHostileOTLP(t *testing.T) {
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, testref.File(t, "rust-otlp-p2"))
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	record := `{"body":{"stringValue":"x"}},`
	for name, x := range map[string]struct {
		path, body, want string
		header           []string
	}{
		"a gzip bomb":    {"/v1/traces", bomb.String(), "413 application/x-protobuf - ", []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "gzip"}},
		"deep JSON":      {"/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, 5000), "400 application/json - ", []string{"Content-Type", "application/json"}},
		"100000 records": {"/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat(record, 100_000) + `{}]}]}]}`, `200 application/json - {"partialSuccess":`, []string{"Content-Type", "application/json"}},
		"no such path":   {"/v1/other", "x", "404 text/plain", []string{"Content-Type", "application/json"}},
		"text":           {"/v1/logs", "x", "415 text/plain", []string{"Content-Type", "text/plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, text, err := s.get(x.path, x.body, x.header...)
			t.Logf("%d bytes: %.200q", len(x.body), text)
			if status != 200 || err != nil || !strings.HasPrefix(text, x.want) {
				t.Errorf("%d %.300q %v, want %q", status, text, err, x.want)
			}
		})
	}
	if status, text, err := s.get("/trace", ""); status != 200 || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
	s.stop()
	if n := len(c.Records()); n > 20_000 {
		t.Errorf("%d records came through", n)
	}
}
