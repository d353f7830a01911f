package e2e

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// A log record that comes by OTLP and names no span belongs to the invocation whose instance has sent it, if that serves no other one;
// from a reused instance it stays without a span. One that names a span keeps it.
func TestOTLPRecordsWithoutSpan(t *testing.T) {
	const span = "00f067aa0ba902b7"
	for _, isolation := range []string{"fresh", "snapshot", "reuse"} {
		t.Run(isolation, func(t *testing.T) {
			c := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--isolation", isolation, testref.File(t, "rust-otlp-p2"))
			trace := func(n int) string { return fmt.Sprintf("0af7651916cd43dd8448eb211c8031%02x", n) }
			for n := range 3 {
				body := fmt.Sprintf(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"without %d"}},{"body":{"stringValue":"with %d"},"traceId":"%s","spanId":"%s"}]}]}]}`,
					n, n, trace(n), span)
				status, answer, err := s.get("/v1/logs", body, "content-type", "application/json", "traceparent", "00-"+trace(n)+"-b7ad6b7169203331-01")
				if err != nil || status != 200 {
					t.Fatalf("%d %q %v", status, answer, err)
				}
			}
			s.stop()
			invocation := map[string]string{} // by trace
			for _, x := range c.Spans() {
				if strings.Contains(x.Name, "incoming-handler") {
					invocation[hex.EncodeToString(x.TraceId)] = hex.EncodeToString(x.SpanId)
				}
			}
			seen := 0
			for _, r := range c.Records() {
				kind, number, ok := strings.Cut(r.Body.GetStringValue(), " ")
				var n int
				if _, err := fmt.Sscan(number, &n); !ok || err != nil || kind != "with" && kind != "without" {
					continue
				}
				seen++
				want := trace(n) + " " + span
				switch {
				case kind == "without" && isolation == "reuse":
					want = " "
				case kind == "without":
					want = trace(n) + " " + invocation[trace(n)]
				}
				if got := hex.EncodeToString(r.TraceId) + " " + hex.EncodeToString(r.SpanId); got != want {
					t.Errorf("%s %d is in %q, want %q", kind, n, got, want)
				}
			}
			if seen != 6 || len(invocation) != 3 {
				t.Errorf("%d records, %d invocations", seen, len(invocation))
			}
		})
	}
}
