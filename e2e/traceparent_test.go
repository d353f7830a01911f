package e2e

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// A process that is started within a trace, as the environment says, starts its workload in that trace; what it serves then is in others.
func TestStartIsInTheTraceOfTheEnvironment(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "TRACEPARENT=00-" + trace + "-" + parent + "-01"},
		testref.File(t, "rust-http-full-p2"))
	if status, _, err := s.get("/hello", ""); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	s.stop()
	starts, served := 0, 0
	for _, x := range c.Spans() {
		in := hex.EncodeToString(x.TraceId) == trace
		switch {
		case strings.HasPrefix(x.Name, "workload start"):
			if starts++; !in || hex.EncodeToString(x.ParentSpanId) != parent {
				t.Errorf("the start is in trace %x, below %x", x.TraceId, x.ParentSpanId)
			}
		case strings.HasPrefix(x.Name, "GET /"):
			if served++; in {
				t.Error("a request is in the trace of the start")
			}
		case strings.HasPrefix(x.Name, "compile"), strings.HasPrefix(x.Name, "artifact"):
			if !in {
				t.Errorf("%s is not in the trace of the start", x.Name)
			}
		}
	}
	if starts != 1 || served != 1 {
		t.Errorf("%d starts, %d requests", starts, served)
	}
}
