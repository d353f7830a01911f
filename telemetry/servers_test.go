package telemetry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	blobnats "github.com/vitrine-wasm/vitrine/plugin/blobstore/nats"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/s3"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	kvnats "github.com/vitrine-wasm/vitrine/plugin/keyvalue/nats"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

// openAs gives what a type of backends needs to open one of a config.
func openAs[C, B, T any](open func(C) (T, error), as func(T) B) func(context.Context, any) (B, error) {
	return func(_ context.Context, config any) (b B, err error) {
		t, err := open(config.(C))
		if err != nil {
			return b, err
		}
		return as(t), nil
	}
}

// planted is every secret of the test: of the servers, and what guests name and store. A container's name is that of a collection, which spans have.
const planted = "planted"

// TestPlanted: calls on stores have the conventions' attributes, of the backend that serves them, also while its server is down; and no signal has a
// key, an object's name, a value or a credential.
func TestPlanted(t *testing.T) {
	s, n := servers.StartS3(t), servers.StartNATS(t, "--user", "me", "--pass", "planted-password")
	t.Setenv("VITRINE_TEST_ACCESS", servers.S3Access)
	t.Setenv("VITRINE_TEST_SECRET", servers.S3Secret)
	t.Setenv("VITRINE_TEST_PASSWORD", "planted-password")
	nats := natsconn.Config{URL: n.URL(), Username: "me", Password: workload.Secret{Env: "VITRINE_TEST_PASSWORD"}}
	for name, c := range map[string]struct {
		grants workload.Grants
		kill   func()
	}{
		"folder": {grants: workload.Grants{Blobstore: map[string]workload.StoreGrant{"default": {Type: "folder", Config: folder.Config{Path: t.TempDir()}}}}},
		"s3": {workload.Grants{Blobstore: map[string]workload.StoreGrant{"default": {Type: "s3", Config: s3.Config{Endpoint: "http://" + s.Addr, Bucket: servers.S3Bucket,
			AccessKey: workload.Secret{Env: "VITRINE_TEST_ACCESS"}, SecretKey: workload.Secret{Env: "VITRINE_TEST_SECRET"}}}}}, s.Kill},
		"nats": {workload.Grants{
			Blobstore: map[string]workload.StoreGrant{"default": {Type: "nats", Config: nats}}, Keyvalue: map[string]workload.StoreGrant{"default": {Type: "nats", Config: nats}},
		}, n.Kill},
	} {
		t.Run(name, func(t *testing.T) {
			blobs := blobstore.New(blobmemory.New(0)).
				AddType(folder.Type(), openAs(folder.Open, func(b *folder.Backend) blobstore.Backend { return b })).
				AddType(s3.Type(), openAs(s3.New, func(b *s3.Backend) blobstore.Backend { return b })).
				AddType(blobnats.Type(), openAs(blobnats.Open, func(b *blobnats.Backend) blobstore.Backend { return b }))
			values := keyvalue.New(memory.New(0)).AddType(kvnats.Type(), openAs(kvnats.Open, func(b *kvnats.Backend) keyvalue.Backend { return b }))
			w := newEngineHarnessWith(t, telemetry.DetailBoundary, []host.Plugin{blobs, values, config.Plugin{}, logging.Plugin{}})
			guest := guestComponent("kv", "rust-kv-p2")
			guest.Grants = c.grants
			requests := []chainRequest{
				{method: "POST", path: "/blob/put?container=photos&name=planted-object", body: "planted-value"}, {path: "/blob/get?container=photos&name=planted-object"},
				{path: "/blob/get?container=photos&name=planted-object&how=stream"}, {path: "/blob/list?container=photos"}, {path: "/blob/info?container=photos&name=planted-object"},
				{path: "/blob/info?container=photos&name=planted-missing"}, {path: "/blob/delete?container=photos&name=planted-object"}, {path: "/blob/list?container=none"},
			}
			if c.grants.Keyvalue != nil {
				requests = append(requests, chainRequest{method: "POST", path: "/kv/set?key=planted-key", body: "planted-value"}, chainRequest{path: "/kv/get?key=planted-key"},
					chainRequest{path: "/kv/incr?key=planted-key"}, chainRequest{path: "/kv/selftest"})
			}
			up := len(requests)
			if c.kill != nil {
				requests = append(requests, chainRequest{method: "POST", path: "/blob/put?container=photos&name=planted-object", body: "planted-value"},
					chainRequest{path: "/blob/get?container=photos&name=planted-object"})
			}
			if c.grants.Keyvalue != nil {
				requests = append(requests, chainRequest{path: "/kv/get?key=planted-key"})
			}
			var answers []string
			w.serve(httpWorkload(guest), func(base string) {
				for i := range requests {
					if i == up {
						c.kill()
					}
					answers = append(answers, requests[i].answer(t.Context(), base, i))
				}
			})
			for i := range requests {
				w.tree(func(s tracetest.SpanStub) bool { return s.SpanContext.TraceID().String() == chainTrace(i) }) // waits for them
			}
			if all := strings.Join(answers, "\n"); !strings.Contains(all, "planted-value") || c.kill != nil && !strings.Contains(all, "the backend failed") {
				t.Errorf("the guest got %s", all)
			}
			wantPlantless(t, w)
			wantStoreSpans(t, w, name)
		})
	}
}

// wantPlantless checks that no signal has what is planted.
func wantPlantless(t *testing.T, w *engineHarness) {
	t.Helper()
	for _, s := range w.spans.GetSpans() {
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), planted) && !strings.HasPrefix(string(a.Key), "url.") { // what a client asks for is in the URL
				t.Errorf("%s: %s is %s", s.Name, a.Key, a.Value.String())
			}
		}
		if rest := fmt.Sprint(s.Name, s.Status, s.Events); strings.Contains(rest, planted) {
			t.Errorf("%s: %s", s.Name, rest)
		}
	}
	if logs := w.logs.Format(w.spans.GetSpans()); strings.Contains(logs, planted) {
		t.Errorf("the records are %s", logs)
	}
	metrics, err := json.Marshal(w.collect())
	if err != nil || strings.Contains(string(metrics), planted) {
		t.Errorf("the metrics are %s, %v", metrics, err)
	}
}

// wantStoreSpans checks the attributes of all calls on stores that concern one container or bucket.
func wantStoreSpans(t *testing.T, w *engineHarness, system string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range w.spans.GetSpans() {
		iface, function, isCall := strings.Cut(s.Name, "#")
		if !isCall || !strings.HasPrefix(iface, "wasi:blobstore/") && !strings.HasPrefix(iface, "wasi:keyvalue/") {
			continue
		}
		operation := function[strings.LastIndex(function, ".")+1:]
		if got := attr(s, "db.operation.name"); got != operation {
			t.Errorf("%s: the operation is %q", s.Name, got)
		}
		// The container's name alone, or no container at all, does not say where it is.
		if slices.Contains([]string{"container-exists", "read-stream-object-names", "new-outgoing-value", "outgoing-value-write-body"}, operation) || attr(s, "vitrine.result") == "error" && !strings.Contains(function, ".") {
			continue
		}
		want := map[bool]string{true: "photos", false: "default"}[strings.HasPrefix(iface, "wasi:blobstore")]
		if gotSystem, got := attr(s, "db.system.name"), attr(s, "db.collection.name"); gotSystem != system || got != want {
			t.Errorf("%s: the system is %q, the collection %q", s.Name, gotSystem, got)
		}
		seen[operation] = true
	}
	for _, operation := range []string{"create-container", "get-container", "write-data", "finish", "get-data", "incoming-value-consume-sync", "list-objects", "delete-object"} {
		if !seen[operation] {
			t.Errorf("no span of %s", operation)
		}
	}
}
