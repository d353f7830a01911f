package e2e

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// A span that a guest never ends is exported once, as unfinished, and printed in the tree of its request, also where its instance is reused and
// might have ended it later.
func TestUnfinishedSpans(t *testing.T) {
	for _, isolation := range []string{"fresh", "reuse"} {
		t.Run(isolation, func(t *testing.T) {
			c := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--trace", "--isolation", isolation, testref.File(t, "rust-otel-p2"))
			if status, text, err := s.get("/leak", "", "traceparent", "00-"+otlptest.SampleTrace+"-b7ad6b7169203331-01"); err != nil || status != 200 {
				t.Fatalf("%d %q %v", status, text, err)
			}
			s.stop()
			const want = "GET / server(rust-otel-p2 internal(unfinished internal, never-started internal))"
			if got := treeOf(c, otlptest.SampleTrace); got != want {
				t.Errorf("the trace is %s, want %s", got, want)
			}
			s.waitForConsole("   ├─ unfinished ") // below the invocation
		})
	}
}
