package telemetry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestStoreSpans: calls on a store have the conventions' attributes, of the backend that serves them, and no signal has a key or a value.
func TestStoreSpans(t *testing.T) {
	kv := guestComponent("kv", "rust-kv-only-p2")
	kv.Grants.Keyvalue = map[string]workload.StoreGrant{"default": {Type: "sqlite", Config: sqlite.Config{File: filepath.Join(t.TempDir(), "data.db")}}}
	requests := []chainRequest{
		{method: "POST", path: "/kv/set?key=planted-key", body: "planted-value"}, {path: "/kv/get?key=planted-key"}, {path: "/kv/incr?key=planted-count"},
		{path: "/kv/exists?key=planted-key"}, {path: "/kv/selftest"}, {path: "/kv/nostore"},
	}
	stores := keyvalue.New(memory.New(0)).AddType(sqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
		return sqlite.Open(ctx, config.(sqlite.Config))
	})
	w := newEngineHarnessWith(t, telemetry.DetailBoundary, []host.Plugin{stores, config.Plugin{}})
	w.serve(httpWorkload(kv), func(base string) {
		for n := range requests {
			if a := requests[n].answer(t.Context(), base, n); n != 2 && !strings.Contains(a, " 200, ") {
				t.Error(a)
			}
		}
	})
	var lines []string
	for n := range requests {
		w.tree(func(s tracetest.SpanStub) bool { return s.SpanContext.TraceID().String() == chainTrace(n) }) // waits for them
		for _, s := range w.spans.GetSpans() {
			if s.SpanContext.TraceID().String() == chainTrace(n) && strings.HasPrefix(s.Name, "wasi:keyvalue/") {
				lines = append(lines, fmt.Sprintf("%s: %s %s %s", s.Name, attr(s, "db.system.name"), attr(s, "db.operation.name"), attr(s, "db.collection.name")))
			}
			for _, a := range s.Attributes {
				if strings.Contains(a.Value.String(), "planted") && !strings.HasPrefix(string(a.Key), "url.") { // what a client asks for is in the URL
					t.Errorf("%s: %s is %s", s.Name, a.Key, a.Value.String())
				}
			}
		}
		lines = append(lines, "")
	}
	telemetry.Golden(t, strings.Join(lines, "\n"))
}
