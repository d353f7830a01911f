package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// planted begins each value that may be in no signal.
const planted = "planted"

// checkNotPlanted: no span, metric or log record of a collector has a planted value, nor the console.
func checkNotPlanted(t *testing.T, c *otlptest.Collector, s *server) {
	t.Helper()
	if len(c.Traces()) == 0 || len(c.Metrics()) == 0 || len(c.Logs()) == 0 {
		t.Errorf("%d, %d, %d signals: there is nothing to look at", len(c.Traces()), len(c.Metrics()), len(c.Logs()))
	}
	check := func(m proto.Message) {
		if text := prototext.Format(m); strings.Contains(text, planted) {
			at := strings.Index(text, planted)
			t.Errorf("a planted value is sent: %s", text[max(0, at-300):min(len(text), at+100)])
		}
	}
	for _, m := range c.Traces() {
		check(m)
	}
	for _, m := range c.Metrics() {
		check(m)
	}
	for _, m := range c.Logs() {
		check(m)
	}
	if strings.Contains(s.stderr(), planted) {
		t.Errorf("the console has a planted value: %s", s.stderr())
	}
}

// TestSecrets: a component is given the secrets that its grants name; nothing else shows them.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "vitrine.yaml")
	write := func(name, data string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("vitrine.yaml", fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - name: a
      source: {file: %[1]q}
      grants: {secrets: {api-key: {env: VITRINE_TEST_API_KEY}, cert: {file: cert.pem}, raw: {file: ./raw}}}
      telemetry: {detail: all}
    - {name: b, source: {file: %[1]q}}
  triggers:
    - http: {path: /, component: a}
    - http: {path: /get/b, component: b}
`, testref.File(t, "rust-secrets-p3")), 0o600)
	write("cert.pem", planted+" line 1\nline 2\n", 0o600)
	write("raw", "\xff"+planted, 0o400)
	c := otlptest.New(t)
	env := []string{"VITRINE_TEST_API_KEY=" + planted + "-key", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}

	s := up(t, env, file)
	s.expect("/reveal?name=api-key", "", 200, "text "+planted+"-key\n")
	s.expect("/reveal?name=cert", "", 200, "text "+planted+" line 1\nline 2\n")
	s.expect("/reveal?name=raw", "", 200, "bytes [255, 112, 108, 97, 110, 116, 101, 100]\n")
	s.expect("/get?name=cert", "", 200, "there\n")
	s.expect("/get?name=VITRINE_TEST_API_KEY", "", 200, "error SecretsError::NotFound\n")
	s.expect("/get/b?name=api-key", "", 200, "error SecretsError::NotFound\n") // it is granted to the other
	s.stop()
	spans := map[string]int{}
	for _, x := range c.Spans() {
		spans[x.Name]++
	}
	if spans["wasmcloud:secrets/store@2.1.0#get"] == 0 || spans["wasmcloud:secrets/reveal@2.1.0#reveal"] != 3 {
		t.Errorf("spans %v", spans)
	}
	checkNotPlanted(t, c, s)

	for _, args := range [][]string{{"check", file}, {"up", "--write", file}, {"inspect", testref.File(t, "rust-secrets-p3")}} {
		code, out, errs := runEnv(t, env, "", args...)
		if code != 0 || strings.Contains(out+errs, planted) {
			t.Errorf("%v: exit %d\n%s\n%s", args, code, out, errs)
		}
		if args[1] == "--write" && !strings.Contains(out, "VITRINE_TEST_API_KEY") {
			t.Errorf("%v: the place of the secret is not printed:\n%s", args, out)
		}
	}

	refused := func(env []string, want string) {
		t.Helper()
		code, out, errs := runEnv(t, env, "", "up", "--listen", "127.0.0.1:0", file)
		if code == 0 || !strings.Contains(errs, want) || strings.Contains(out+errs, planted) {
			t.Errorf("exit %d, %s\n%s; wanted %s", code, out, errs, want)
		}
	}
	refused(nil, "grants.secrets.api-key: the environment variable VITRINE_TEST_API_KEY is not set")
	if runtime.GOOS != "windows" {
		write("raw", planted, 0o640)
		refused(env, "raw: the file's mode is 0640, want 0600 or stricter")
	}
	if err := os.Remove(filepath.Join(dir, "raw")); err != nil {
		t.Fatal(err)
	}
	refused(env, "grants.secrets.raw: the file ")
}
