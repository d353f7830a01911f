package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestPanicsAreTold: what a guest's panic says, and where it was in the source, is on the console of up, and in the record and the span that
// are exported; of WASI 0.2 and 0.3.
func TestPanicsAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: job, source: {file: %q}, args: [job, index]}
    - {name: front, source: {file: %q}}
  triggers:
    - timer: {every: 300ms, component: job}
    - http: {path: /, component: front}
`, testref.File(t, "rust-traps-p2"), testref.File(t, "rust-http-p3"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, file)
	if status, body, err := s.get("/panic", ""); status != http.StatusInternalServerError || err != nil || strings.Contains(body, "told to panic") {
		t.Errorf("%d %q %v", status, body, err)
	}
	const job = "panicked at traps-p2/src/main.rs:11:24: index out of bounds: the len is 3 but the index is 6"
	s.waitForConsole("[job failed] :: timer every 300ms: trap: unreachable: " + job)
	s.waitForConsole("(traps-p2/src/main.rs:19:33)")
	s.waitForConsole("[front failed] :: http /: trap: unreachable: panicked at http-p3/src/lib.rs:236:25: told to panic")
	s.waitForConsole("told to panic; in front")
	s.stop()
	messages, stacks := map[string]bool{}, ""
	for _, r := range c.Records() {
		for _, a := range r.Attributes {
			switch a.Key {
			case "exception.message":
				messages[a.Value.GetStringValue()] = true
			case "exception.stacktrace":
				stacks += a.Value.GetStringValue() + "\n"
			}
		}
	}
	if !messages["trap: unreachable: "+job] {
		t.Errorf("no record with the panic's message: %v", messages)
	}
	if !strings.Contains(stacks, "<traps_p2::shop::Cart>::total (traps-p2/src/main.rs:19:33)\n") {
		t.Errorf("no record with lines of source:\n%s", stacks)
	}
	var told int
	for _, x := range c.Spans() {
		if strings.HasSuffix(x.Status.GetMessage(), "told to panic") || strings.HasSuffix(x.Status.GetMessage(), job) {
			told++
		}
	}
	if told < 2 {
		t.Errorf("%d spans say why they failed", told)
	}
}
