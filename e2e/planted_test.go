package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// reached is a request to a component that reaches a backend, and the calls that the component makes for it, by their operations.
type reached struct {
	path, body string
	calls      string // of the backend, with spaces between; those that fail are calls, too
}

// capability is a component with its requests: what they name, store and send begins with planted.
type capability struct {
	guest    string
	system   string // the attribute that names the backend
	prefix   []string
	requests []reached
}

// The capabilities. Objects and subjects, which these components have from URLs, are not planted: the URL of a request is recorded as the client has sent
// it, but for what is secret by the name of its parameter.
var (
	keyvalueOf = capability{"rust-spin-p2", "db.system.name", []string{"fermyon:spin/key-value"}, []reached{
		{"/kv/set", "planted-key=planted value", "open set"}, {"/kv/get", "planted-key", "open get"}, {"/kv/keys", "", "open get-keys"},
		{"/kv/delete", "planted-key", "open delete exists"}, {"/kv/get", "planted-none", "open get"},
	}}
	draftKeyvalueOf = capability{"rust-kv-p2", "db.system.name", []string{"wasi:keyvalue"}, []reached{
		{"/kv/set?key=planted-key", "planted-value", "open set"}, {"/kv/get?key=planted-key", "", "open get"}, {"/kv/incr?key=planted-count", "", "open increment"},
		{"/kv/exists?key=planted-key", "", "open exists"}, {"/kv/delete?key=planted-key", "", "open delete"}, {"/kv/incr?key=planted-key", "", "open increment"},
	}}
	blobstoreOf = capability{"rust-kv-p2", "db.system.name", []string{"wasi:blobstore"}, []reached{
		{"/blob/put?container=photos&name=object", "planted-value", ""}, {"/blob/get?container=photos&name=object", "", ""},
		{"/blob/info?container=photos&name=none", "", ""}, {"/blob/list?container=photos", "", ""}, {"/blob/delete?container=photos&name=object", "", ""},
	}}
	wasmcloudKeyvalueOf  = capability{"rust-wasmcloud-p3", "db.system.name", []string{"wasmcloud:keyvalue"}, []reached{{"/kv", "planted-key=planted value", ""}}}
	wasmcloudBlobstoreOf = capability{"rust-wasmcloud-p3", "db.system.name", []string{"wasmcloud:blobstore"}, []reached{{"/blobs?name=pictures", "planted-value", ""}}}

	sqliteOf = capability{"rust-spin-p2", "db.system.name", []string{"fermyon:spin/sqlite"}, []reached{
		{"/sqlite/visit", "planted name", "open execute execute execute"}, {"/sqlite/statement", "SELECT 'planted' FROM visits WHERE who = 'planted name'", "open execute"},
		{"/sqlite/statement", "SELECT planted", "open execute"}, {"/sqlite/statement", "INSERT INTO visits VALUES ('planted name', 1)", "open execute"},
	}}
	postgresOf = capability{"rust-spin-pg-p2", "db.system.name", []string{"fermyon:spin/postgres", "spin:postgres"}, []reached{
		{"/v2/query", "SELECT $1::text AS planted\nplanted parameter", "open query"}, {"/v3/execute", "CREATE TABLE IF NOT EXISTS planted (i int)", "open execute"},
		{"/v4/query", "SELECT 'planted'::int", "open query"}, {"/v4/execute", "SELECT planted", "open execute"}, {"/v4/transaction", "SELECT 'planted'", "open execute execute execute"},
	}}
	messagingOf = capability{"rust-messages-p2", "messaging.system", []string{"send "}, []reached{
		{"/publish?subject=jobs.new", "planted payload", "send"}, {"/publish?subject=jobs.other", "planted payload", "send"},
	}}
)

// TestPlanted: on every backend of every capability, each call of a component is one span with the name of the backend's system, and what is planted, as keys,
// values, statements, parameters, payloads, config and credentials, is in no signal: not in a span, a metric, a log, the console, /metrics,
// or what is said of the workload.
func TestPlanted(t *testing.T) {
	t.Setenv("PLANTED_PASSWORD", "planted-password")
	const password = ", password: {env: PLANTED_PASSWORD}"
	redis := servers.StartRedis(t, "--requirepass", "planted-password")
	nats := servers.StartNATS(t, "--user", "me", "--pass", "planted-password")
	mqtt := servers.StartMQTT(t, "me", "planted-password")
	s3 := servers.StartS3(t)
	t.Setenv("PLANTED_ACCESS", servers.S3Access)
	t.Setenv("PLANTED_SECRET", servers.S3Secret)
	pg := servers.StartPostgres(t)
	pgPassword := filepath.Join(t.TempDir(), "pg")
	if err := os.WriteFile(pgPassword, []byte(pg.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	redisURL := fmt.Sprintf(`{redis: {url: "redis://%s"%s}}`, redis.Addr, password)
	natsURL := fmt.Sprintf(`{nats: {url: %q, username: me%s}}`, nats.URL(), password)
	for _, c := range []struct {
		name, grants, system string
		capability
	}{
		{"keyvalue memory", "keyvalue: {default: {backend: memory}}", "memory", keyvalueOf},
		{"keyvalue sqlite", "keyvalue: {default: {sqlite: data.db}}", "sqlite", keyvalueOf},
		{"keyvalue redis", "keyvalue: {default: " + redisURL + "}", "redis", keyvalueOf},
		{"keyvalue nats", "keyvalue: {default: " + natsURL + "}", "nats", keyvalueOf},
		{"draft keyvalue memory", "keyvalue: {default: {backend: memory}}", "memory", draftKeyvalueOf},
		{"draft keyvalue sqlite", "keyvalue: {default: {sqlite: data.db}}", "sqlite", draftKeyvalueOf},
		{"draft keyvalue redis", "keyvalue: {default: " + redisURL + "}", "redis", draftKeyvalueOf},
		{"draft keyvalue nats", "keyvalue: {default: " + natsURL + "}", "nats", draftKeyvalueOf},
		{"blobstore memory", "blobstore: {default: {backend: memory}}", "memory", blobstoreOf},
		{"blobstore folder", "blobstore: {default: {folder: .}}", "folder", blobstoreOf},
		{"blobstore nats", "blobstore: {default: " + natsURL + "}", "nats", blobstoreOf},
		{"blobstore s3", fmt.Sprintf(`blobstore: {default: {s3: {endpoint: "http://%s", bucket: %s, accessKey: {env: PLANTED_ACCESS}, secretKey: {env: PLANTED_SECRET}}}}`, s3.Addr, servers.S3Bucket), "s3", blobstoreOf},
		{"wasmcloud keyvalue redis", "keyvalue: {default: " + redisURL + "}", "redis", wasmcloudKeyvalueOf},
		{"wasmcloud blobstore nats", "blobstore: {default: " + natsURL + "}", "nats", wasmcloudBlobstoreOf},
		{"sqlite memory", "sqlite: {default: {backend: memory}}", "sqlite", sqliteOf},
		{"sqlite file", "sqlite: {default: {file: data.db}}", "sqlite", sqliteOf},
		{"postgres", fmt.Sprintf("postgres: {default: {postgres: {url: %q, password: {file: %q}}}}", pg.URL(pg.Database(t)), pgPassword), "postgresql", postgresOf},
		{"messaging memory", `messaging: {"jobs.>": {backend: memory}}`, "memory", messagingOf},
		{"messaging nats", `messaging: {"jobs.>": ` + natsURL + "}", "nats", messagingOf},
		{"messaging redis", `messaging: {"jobs.>": ` + redisURL + "}", "redis", messagingOf},
		{"messaging mqtt", fmt.Sprintf(`messaging: {"jobs.>": {mqtt: {url: %q, username: me%s}}}`, mqtt.URL(), password), "mqtt", messagingOf},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "vitrine.yaml")
			text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - name: c\n      source: {file: %q}\n      grants: {%s}\n"+
				"  triggers: [{http: {path: /, component: c}}]\n", testref.File(t, c.guest), c.grants)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			collector := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--admin", "0", "--detail", "all", "--trace",
				"--config", "secret=planted-config", file)
			answers := ""
			for _, r := range c.requests {
				_, answer, err := s.get(r.path, r.body)
				if err != nil {
					t.Error(err)
				}
				answers += answer
			}
			if !strings.Contains(answers, planted) && c.system != "" && c.guest != "rust-messages-p2" {
				t.Errorf("the component got nothing of what it has stored: %s", answers)
			}
			if status, metrics := operate(t, s).ask(http.MethodGet, "/metrics", ""); status != http.StatusOK || metrics == "" || strings.Contains(metrics, planted) {
				t.Errorf("/metrics: %d %s", status, metrics)
			}
			s.stop()
			checkNotPlanted(t, collector, s)
			checkHides(t, file)
			checkBackendSpans(t, collector, &c.capability, c.system)
		})
	}
}

// checkBackendSpans: each call of a backend is one span, which names its system.
func checkBackendSpans(t *testing.T, c *otlptest.Collector, of *capability, system string) {
	t.Helper()
	calls := map[string][]string{} // operations, by the paths of requests
	paths := map[string]string{}   // of traces
	for _, x := range c.Spans() {
		for _, a := range x.Attributes {
			if a.Key == "url.path" {
				paths[string(x.TraceId)] = a.Value.GetStringValue()
			}
		}
	}
	n := 0
	for _, x := range c.Spans() {
		if !slices.ContainsFunc(of.prefix, func(p string) bool { return strings.HasPrefix(x.Name, p) }) || strings.Contains(x.Name, "[resource-drop]") {
			continue
		}
		attrs := map[string]string{}
		for _, a := range x.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
		}
		operation := attrs["db.operation.name"]
		if of.system == "messaging.system" {
			operation = attrs["messaging.operation.type"]
		}
		if operation == "" {
			t.Errorf("%s has no operation: %v", x.Name, attrs)
		}
		if attrs[of.system] != system {
			t.Errorf("%s: %s is %q, wanted %q", x.Name, of.system, attrs[of.system], system)
		}
		n++
		path := paths[string(x.TraceId)]
		calls[path] = append(calls[path], operation)
	}
	if n == 0 {
		t.Error("there is no span of the backend")
	}
	want := map[string][]string{}
	for _, r := range of.requests {
		if r.calls == "" {
			return // how many there are depends on the size of objects
		}
		u, err := url.Parse(r.path)
		if err != nil {
			t.Fatal(err)
		}
		want[u.Path] = append(want[u.Path], strings.Fields(r.calls)...)
	}
	for path, w := range want {
		slices.Sort(w)
		slices.Sort(calls[path])
		if !slices.Equal(calls[path], w) {
			t.Errorf("%s: spans of %q, wanted %q", path, calls[path], w)
		}
	}
}
