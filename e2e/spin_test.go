package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// spinManifest writes the manifest, in a folder of its own, of a component of Spin's SDK with what rest grants and configures.
func spinManifest(t *testing.T, rest string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: spin}
spec:
  components:
    - name: a
      source: {file: %[1]q}
%[2]s
  triggers:
    - http: {path: /, component: a}
`, testref.File(t, "rust-spin-p2"), rest)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSpinKeyValue: a component of Spin's SDK keeps values in stores that its grants name, and those in a file survive a server that is killed.
func TestSpinKeyValue(t *testing.T) {
	file := spinManifest(t, "      grants: {keyvalue: {default: {sqlite: data.db}, other: {sqlite: data.db}, scratch: {backend: memory}}}")
	s := up(t, nil, file)
	s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
	s.expect("/kv/set?key=y&store=other", "other's", 200, "set y 7 bytes\n")
	s.expect("/kv/set?key=z&store=scratch", "gone", 200, "set z 4 bytes\n")
	s.expect("/kv/get?key=x", "", 200, "abc\n")
	s.expect("/kv/get?key=y", "", 200, "none\n")
	s.expect("/kv/get?key=y&store=other", "", 200, "other's\n")
	s.expect("/kv/keys", "", 200, "[\"x\"]\n")
	s.expect("/kv/get?key=x&store=denied", "", 200, "error Error::NoSuchStore\n")
	s.kill()
	s = up(t, nil, file)
	s.expect("/kv/get?key=x", "", 200, "abc\n")
	s.expect("/kv/get?key=y&store=other", "", 200, "other's\n")
	s.expect("/kv/get?key=z&store=scratch", "", 200, "none\n")
	s.expect("/kv/delete?key=x", "", 200, "there is false\n")
	s.expect("/kv/get?key=x", "", 200, "none\n")
}

// TestSpinVariables: a component of Spin's SDK reads the values of its config.
func TestSpinVariables(t *testing.T) {
	s := up(t, nil, spinManifest(t, "      config: {greeting: hello, empty: ''}"))
	s.expect("/var?name=greeting", "", 200, "hello\n")
	s.expect("/var?name=empty", "", 200, "\n")
	s.expect("/var?name=none", "", 200, "error Error::Undefined(\"no variable none\")\n")
	status, text, err := s.get("/var?name=No-Name", "")
	if status != 200 || !strings.HasPrefix(text, "error Error::InvalidName(") || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
}

// TestSpinFetch: a component of Spin's SDK reaches the hosts that it is granted, and its request continues the trace.
func TestSpinFetch(t *testing.T) {
	seen := make(chan string, 1)
	server := func() *httptest.Server {
		u := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case seen <- r.Header.Get("Traceparent"):
			default:
			}
			_, _ = fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
		}))
		t.Cleanup(u.Close)
		return u
	}
	granted, denied := server(), server()
	s := up(t, []string{"OTEL_TRACES_EXPORTER=console"}, spinManifest(t, fmt.Sprintf("      grants: {http: [%q]}", granted.URL)))
	const trace = "0af7651916cd43dd8448eb211c80319c"
	status, text, err := s.get("/fetch?url="+granted.URL+"/up", "", "traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if status != 200 || text != "200 GET /up\n" || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
	if got := <-seen; !strings.HasPrefix(got, "00-"+trace+"-") || strings.Contains(got, "b7ad6b7169203331") {
		t.Errorf("the upstream saw %q", got)
	}
	status, text, err = s.get("/fetch?url="+denied.URL+"/up", "")
	if status != 200 || !strings.HasPrefix(text, "error ") || err != nil {
		t.Errorf("a host that is not granted: %d %q %v", status, text, err)
	}
	if len(seen) > 0 {
		t.Error("a host that is not granted had a request")
	}
}

// TestSpinImport: a manifest of Spin is imported, and its components run, keep their data and have what they had.
func TestSpinImport(t *testing.T) {
	guest, err := os.ReadFile(testref.File(t, "rust-spin-p2"))
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "up") }))
	t.Cleanup(upstream.Close)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.wasm", string(guest))
	write("spin.toml", fmt.Sprintf(`spin_manifest_version = 2
[application]
name = "shop"
[variables]
greeting = { default = "hello" }
[[trigger.http]]
route = "/..."
component = "a"
[component.a]
source = "a.wasm"
key_value_stores = ["default"]
sqlite_databases = ["default"]
allowed_outbound_hosts = [%q]
variables = { greeting = "{{ greeting }} there" }
`, upstream.URL))
	code, out, errs := run(t, "", "import", dir)
	if code != 0 || errs != "" || !strings.Contains(out, "1 component, 1 trigger; 0 notes") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := run(t, "", "check", dir); code != 0 {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	s := up(t, nil, dir)
	s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
	s.expect("/sqlite/visit?who=ann", "", 200, "1\n")
	s.expect("/var?name=greeting", "", 200, "hello there\n")
	s.expect("/fetch?url="+upstream.URL+"/", "", 200, "200 up\n")
	s.kill()
	s = up(t, nil, dir)
	s.expect("/kv/get?key=x", "", 200, "abc\n")
	s.expect("/sqlite/visit?who=ann", "", 200, "2\n")
}

// TestSpinSecrets: no key, value, statement, variable's value or body of a component of Spin's SDK is in any signal, at full detail. What clients
// ask for comes as bodies, since the URLs of requests are recorded.
func TestSpinSecrets(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, planted+" body") }))
	t.Cleanup(upstream.Close)
	c := otlptest.New(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	s := up(t, env, spinManifest(t, fmt.Sprintf(`      config: {secret: %[1]s-variable}
      environment: {TOKEN: %[1]s-token}
      grants: {keyvalue: {default: {sqlite: data.db}}, sqlite: {default: {file: sql.db}}, http: [%[2]q]}
      telemetry: {detail: all}`, planted, upstream.URL)))
	s.expect("/kv/set", planted+"-key="+planted+" value", 200, "set planted-key 13 bytes\n")
	s.expect("/kv/get", planted+"-key", 200, planted+" value\n")
	s.expect("/kv/delete", planted+"-none", 200, "there is false\n")
	s.expect("/kv/get?store=none", planted+"-key", 200, "error Error::NoSuchStore\n")
	s.expect("/kv/keys", "", 200, "[\"planted-key\"]\n")
	s.expect("/var?name=secret", "", 200, planted+"-variable\n")
	s.expect("/var", planted+"_none", 200, "error Error::Undefined(\"no variable planted_none\")\n")
	s.expect("/sqlite/visit", planted+" name", 200, "1\n")
	s.expect("/sqlite/statement", "SELECT who AS planted FROM visits WHERE who <> 'planted value'", 200,
		"[\"planted\"] [[Value::Text(\"planted name\")]]\n")
	s.expect("/sqlite/statement", "SELECT planted_column FROM visits", 200, "error Error::Io(\"no such column: planted_column\")\n")
	s.expect("/sqlite/statement", "INSERT INTO visits VALUES ('planted name', 1)", 200, "error Error::Io(\"UNIQUE constraint failed: visits.who\")\n")
	s.expect("/fetch?url="+upstream.URL+"/up", "", 200, "200 "+planted+" body\n")
	s.stop()
	calls := map[string]bool{}
	for _, x := range c.Spans() {
		calls[x.Name] = true
	}
	for _, want := range []string{"key-value@2.0.0#[method]store.set", "key-value@2.0.0#[method]store.get", "sqlite@2.0.0#[method]connection.execute", "variables@2.0.0#get"} {
		if !calls["fermyon:spin/"+want] {
			t.Errorf("there is no span of %s: %v", want, calls)
		}
	}
	if !calls["GET"] {
		t.Errorf("there is no span of the request to another: %v", calls)
	}
	checkNotPlanted(t, c, s)
}
