package e2e

import (
	"encoding/hex"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// What a command tells through wasi:otel is below the command's span, whole when the process has ended, and the same where the command fails.
func TestOtelOfCommands(t *testing.T) {
	for _, tc := range []struct {
		name  string
		args  []string
		code  int
		tree  string
		steps int64
	}{
		{"success", []string{"one", "two"}, 0, "(run internal(step one internal, step two internal))", 2},
		{"failure", []string{"one", "fail"}, 1, "(run internal(step one internal, step fail internal))", 2},
		{"nothing to do", nil, 0, "(run internal)", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := otlptest.New(t)
			env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
			code, _, stderr := runEnv(t, env, "", append([]string{"run", testref.File(t, "go-otel-p3")}, tc.args...)...)
			if code != tc.code {
				t.Errorf("status %d, want %d: %s", code, tc.code, stderr)
			}
			trace, ids := "", map[string]string{}
			for _, s := range c.Spans() {
				if ids[s.Name] = hex.EncodeToString(s.SpanId); s.Name == "run" {
					trace = hex.EncodeToString(s.TraceId)
				}
			}
			if got, want := treeOf(c, trace), "command run internal(instantiate go-otel-p3 internal, go-otel-p3 internal"+tc.tree+")"; got != want {
				t.Errorf("the trace is\n%s, want\n%s", got, want)
			}
			records := map[string]string{}
			for _, r := range c.Records() {
				records[r.Body.GetStringValue()] = hex.EncodeToString(r.SpanId)
			}
			for _, arg := range tc.args {
				if got, want := records["doing "+arg], ids["step "+arg]; got != want || got == "" {
					t.Errorf("the record of %s is in span %q, want %q", arg, got, want)
				}
			}
			var steps int64
			for _, rm := range c.Metrics() {
				for _, sm := range rm.ScopeMetrics {
					for _, m := range sm.Metrics {
						for _, p := range m.GetSum().GetDataPoints() {
							if m.Name == "command.steps" {
								steps += p.GetAsInt()
							}
						}
					}
				}
			}
			if steps != tc.steps {
				t.Errorf("command.steps is %d, want %d", steps, tc.steps)
			}
		})
	}
}
