package collector

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestWasiOtel compares what guests have told through wasi:otel, as a real Collector has received it, with a golden: both function sets of
// the interface, for WASI 0.2 and 0.3, tell the same, and their spans are one trace with the host's.
func TestWasiOtel(t *testing.T) {
	c := Start(t)
	binary := Vitrine(t)
	var outgoing atomic.Value
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outgoing.Store(r.Header.Get("traceparent"))
		fmt.Fprintln(w, "from upstream")
	}))
	defer upstream.Close()
	guests := []string{"rust-otel-p2", "rust-otel-main-p2", "rust-otel-p3", "rust-otel-main-p3"}
	traceID := func(i, k int) string { return fmt.Sprintf("0%031x", 16*i+k+1) }
	sent := map[string]any{}
	for i, g := range guests {
		up := Serve(t, binary, c.HTTP, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, guest(t, g), "--allow-http", "*")
		for k, path := range []string{"/trace?url=" + upstream.URL + "/x", "/logs", "/metrics"} {
			if got := send(t.Context(), t, up.URL+path, traceID(i, k)); got != 200 {
				t.Errorf("%s %s: status %d", g, path, got)
			}
		}
		sent[g] = outgoing.Load()
		up.Stop()
	}
	c.Stop(t)
	for i, g := range guests {
		t.Run(g, func(t *testing.T) {
			spans := c.Spans(t, traceID(i, 0))
			for _, s := range spans {
				if want := "00-" + s.TraceID + "-" + s.ID + "-01"; s.Kind == "Client" && s.Name == "GET" && sent[g] != want {
					t.Errorf("traceparent that went out is %v, want %s", sent[g], want)
				}
			}
			var out strings.Builder
			tree := Tree(WithoutWaits(spans), "http.response.status_code", "route")
			tree = strings.NewReplacer(g, "GUEST", "wasi:http/incoming-handler@0.2.12", "HANDLER", "wasi:http/handler@0.3.0", "HANDLER").Replace(tree)
			out.WriteString(tree)
			var records []string
			for _, r := range c.Records(t) {
				if r.Service == g && r.TraceID == traceID(i, 1) {
					maps.DeleteFunc(r.Attributes, func(k, _ string) bool { return strings.HasPrefix(k, "vitrine.") })
					records = append(records, fmt.Sprintf("record %q severity=%q event=%q %v\n", r.Body, r.Severity, r.EventName, r.Attributes))
				}
			}
			slices.Sort(records)
			out.WriteString(strings.Join(records, ""))
			metrics := c.Metrics(t)
			for _, k := range slices.Sorted(maps.Keys(metrics)) {
				if name, ok := strings.CutPrefix(k, g+" guest."); ok {
					fmt.Fprintf(&out, "metric guest.%s unit=%s\n", name, metrics[k])
				}
			}
			golden(t, "wasi_otel", out.String())
		})
	}
}
