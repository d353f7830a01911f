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
	sqlitedb "github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
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

// TestDatabaseSpans: calls on a database have the conventions' attributes, and nothing of statements, values and SQLite's messages.
func TestDatabaseSpans(t *testing.T) {
	guest := guestComponent("visits", "rust-spin-p2")
	guest.Grants.SQLite = map[string]workload.StoreGrant{"visits": {Type: "file", Config: local.Config{Path: filepath.Join(t.TempDir(), "data.db")}}}
	requests := []chainRequest{
		{path: "/sqlite/visit?db=visits&who=planted-name"},
		{method: "POST", path: "/sqlite/statement?db=visits", body: "SELECT 'planted-value' FROM visits WHERE planted_column = 'planted"},
		{method: "POST", path: "/sqlite/statement?db=visits", body: "INSERT INTO visits VALUES ('planted-name', 1)"},
		{path: "/sqlite/statement?db=planted-database"},
	}
	databases := sqlitedb.New(local.NewMemory(0)).AddType(local.Type(), func(ctx context.Context, config any) (sqlitedb.Backend, error) {
		return local.OpenFile(ctx, config.(local.Config))
	})
	w := newEngineHarnessWith(t, telemetry.DetailBoundary, []host.Plugin{databases, keyvalue.New(memory.New(0)), config.Plugin{}})
	w.serve(httpWorkload(guest), func(base string) {
		for n := range requests {
			if a := requests[n].answer(t.Context(), base, n); !strings.Contains(a, " 200, ") {
				t.Error(a)
			}
		}
	})
	var lines []string
	for n := range requests {
		w.tree(func(s tracetest.SpanStub) bool { return s.SpanContext.TraceID().String() == chainTrace(n) }) // waits for them
		for _, s := range w.spans.GetSpans() {
			if s.SpanContext.TraceID().String() != chainTrace(n) {
				continue
			}
			if strings.Contains(s.Name, "sqlite") {
				lines = append(lines, fmt.Sprintf("%s: %s %s %s %s", s.Name, attr(s, "db.system.name"), attr(s, "db.operation.name"), attr(s, "db.namespace"), attr(s, "vitrine.result.error")))
			}
			for _, a := range s.Attributes {
				if strings.Contains(a.Value.String(), "planted") && !strings.HasPrefix(string(a.Key), "url.") { // what a client asks for is in the URL
					t.Errorf("%s: %s is %s", s.Name, a.Key, a.Value.String())
				}
			}
			if strings.Contains(fmt.Sprint(s.Status, s.Events), "planted") {
				t.Errorf("%s: %v, %v", s.Name, s.Status, s.Events)
			}
		}
		lines = append(lines, "")
	}
	telemetry.Golden(t, strings.Join(lines, "\n"))
}
