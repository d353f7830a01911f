package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestTimers: timers alone are a workload. Each tick is a run of a command, of WASI 0.2 or 0.3, and a trace of its own, whose root says when
// it was due and how many were missed; a run that fails is on the console, and the next one comes.
func TestTimers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: jobs}
spec:
  components:
    - {name: greet, source: {file: %q}, args: [cli, hello]}
    - {name: slow, source: {file: %q}, args: [cli, sleep, "350"]}
    - {name: wrong, source: {file: %q}, args: [cli, exit, "1"]}
    - {name: trap, source: {file: %q}, args: [cli, trap]}
  triggers:
    - timer: {every: 100ms, component: greet}
    - timer: {every: 100ms, component: slow}
    - timer: {every: 100ms, component: wrong}
    - timer: {every: 100ms, component: trap}
    - timer: {cron: "0 4 29 2 *", zone: Europe/Berlin, component: greet}
`, testref.File(t, "rust-cli-p3"), testref.File(t, "rust-cli-hostile"), testref.File(t, "rust-cli-hostile"), testref.File(t, "rust-cli-hostile"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := run(t, "", "check", file); code != 0 {
		t.Errorf("check: %d %s%s", code, out, errs)
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	for _, want := range []string{"[greet stdout]", "[slow stdout] :: slept 3", `component=wrong timer="every 100ms" status=1`, "[trap failed]", "the timer missed ticks"} {
		if s.waitForConsole(want); t.Failed() {
			return
		}
	}

	roots := map[string]int{}
	missed := false
	for range 300 { // each looks at all spans
		roots, missed = map[string]int{}, false
		for _, span := range collector.Spans() {
			if len(span.ParentSpanId) > 0 {
				continue
			}
			component := ""
			attrs := map[string]string{}
			for _, a := range span.Attributes {
				attrs[a.Key] = a.Value.String()
				if a.Key == "vitrine.component" {
					component = a.Value.GetStringValue()
				}
			}
			if !strings.HasPrefix(span.Name, "timer ") {
				continue // the start of the workload
			}
			roots[component+": "+treeOf(collector, hex.EncodeToString(span.TraceId))]++
			if _, ok := attrs["vitrine.timer.missed"]; ok {
				missed = true
			}
			if !regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`).MatchString(attrs["vitrine.timer.scheduled"]) || attrs["vitrine.timer.delay"] == "" {
				t.Fatalf("attributes %v", attrs)
			}
		}
		if roots["greet: timer every 100ms internal(greet internal)"] > 2 && roots["trap: timer every 100ms internal(trap internal)"] > 2 &&
			roots["wrong: timer every 100ms internal(wrong internal)"] > 2 && roots["slow: timer every 100ms internal(slow internal)"] > 1 && missed {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("missed: %t, roots: %v", missed, roots)
}

// TestTimerOfNoCommand: a component that no timer can run is found before anything runs.
func TestTimerOfNoCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: jobs}\nspec:\n  components: [{name: shop, source: {file: %q}}]\n"+
		"  triggers: [{timer: {every: 1s, component: shop}}]\n", testref.File(t, "rust-http-full-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"check", "up"} {
		code, _, errs := run(t, "", command, file)
		if code != 2 || !strings.Contains(errs, "component shop does not export wasi:cli/run") {
			t.Errorf("%s: exit %d: %s", command, code, errs)
		}
	}
}

// TestTimerFunction: a timer calls a function of an interface that the component exports; `check` says what is wrong with another.
func TestTimerFunction(t *testing.T) {
	dir := t.TempDir()
	manifest := func(guest, function string) string {
		t.Helper()
		file := filepath.Join(dir, guest+".yaml")
		text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: jobs}\nspec:\n  components: [{name: a, source: {file: %q}}]\n  triggers: [{timer: {every: 50ms, component: a, function: %q}}]\n",
			testref.File(t, guest), function)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct{ guest, function, want string }{
		{"rust-feed-p3", "shop:feed/feed@0.1.0#nothing", "it exports no function shop:feed/feed@0.1.0#nothing; of those without parameters it has shop:feed/feed@0.1.0#version"},
		{"rust-feed-p3", "version", "it exports no function version; of those without parameters it has shop:feed/feed@0.1.0#version"},
		{"rust-feed-p3", "shop:feed#version", "function shop:feed#version:"},
		{"rust-price", "shop:price/price@0.1.0#quote", "function shop:price/price@0.1.0#quote has parameters"},
		{"rust-price", "shop:price/price@0.1.0#other", "and none without parameters"},
	} {
		if code, _, errs := run(t, "", "check", manifest(c.guest, c.function)); code != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%s %s: %d %s", c.guest, c.function, code, errs)
		}
	}
	s := up(t, nil, "--trace", manifest("rust-feed-p3", "shop:feed/feed@0.1.0#version"))
	s.waitForConsole("─ a shop:feed/feed@0.1.0#version")
}
