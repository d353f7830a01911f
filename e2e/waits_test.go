package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestWaitsAreSeen: at the default detail a request's wait is a line of its tree, in WASI 0.2 and 0.3.
func TestWaitsAreSeen(t *testing.T) {
	for guest, want := range map[string]string{
		"rust-http-full-p2": `(?m)^.*─ wasi:io/poll@0\.2\.\d+#\S+  [\d.]+(?:ms|s) \(wait [\d.]+(?:ms|s)\)`,
		"rust-http-p3":      `(?m)^.*─ wasi:clocks/monotonic-clock@0\.3\.0\S*#wait-for  [\d.]+(?:ms|s)`,
	} {
		s := up(t, nil, "--trace", testref.File(t, guest))
		if status, text, err := s.get("/sleep?ms=30", ""); err != nil || status != 200 {
			t.Fatalf("%s: %d %q %v", guest, status, text, err)
		}
		s.waitForConsole("trace ")
		s.stop()
		if all := s.stderr(); !regexp.MustCompile(want).MatchString(all) {
			t.Errorf("%s: no %s in\n%s", guest, want, all)
		}
	}
}

// TestFilesAreSeen: at the default detail what a command does with files is one line of its tree, and one span for a collector; at level all each
// call is one.
func TestFilesAreSeen(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	guest := testref.File(t, "rust-cli-hostile")
	for detail, want := range map[string]string{
		"boundary":   `(?m)^.*─ wasi:filesystem  ×\d+ · [\d.]+(?:µs|ms|s) · longest [\d.]+(?:µs|ms|s) .*(?:open-at|read-directory)`,
		"all":        `(?m)^.*─ wasi:filesystem/types@0\.2\.\d+#\[method\]descriptor\.read-directory`,
		"invocation": "",
	} {
		c := otlptest.New(t)
		env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
		code, out, errs := runEnv(t, env, "", "run", "--trace", "--detail", detail, "--dir", dir+"::.", guest, "ls")
		if code != 0 {
			t.Fatalf("%s: %d %s%s", detail, code, out, errs)
		}
		if want == "" {
			if strings.Contains(errs, "wasi:filesystem") {
				t.Errorf("%s:\n%s", detail, errs)
			}
		} else if !regexp.MustCompile(want).MatchString(errs) {
			t.Errorf("%s: no %s in\n%s", detail, want, errs)
		}
		var folded []string
		for _, s := range c.Spans() {
			if s.Name == "wasi:filesystem" {
				for _, a := range s.Attributes {
					folded = append(folded, a.Key)
				}
			}
		}
		all := strings.Join(folded, " ")
		if one := strings.Count(all, "vitrine.calls.functions") == 1 && strings.Contains(all, "vitrine.calls.time"); one != (detail == "boundary") {
			t.Errorf("%s: the collector has %q", detail, folded)
		}
	}
}
