package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// member writes the manifest of a workload with a route of its own into a folder.
func member(t *testing.T, dir, name, path, rest string) string {
	t.Helper()
	file := filepath.Join(dir, name+".yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: %[1]s}\nspec:\n  components:\n    - {name: %[1]s, source: {file: %[2]s}%[4]s}\n  triggers:\n    - http: {path: %[3]s, component: %[1]s}\n",
		name, testref.File(t, "rust-http-full-p2"), path, rest)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSeveralWorkloads: files and a folder of manifests are workloads of one process, with routes, states and telemetry of their own; a reload adds,
// changes and removes them without a request that fails, and one with a mistake changes nothing of the one that runs.
func TestSeveralWorkloads(t *testing.T) {
	dir := t.TempDir()
	alone := member(t, t.TempDir(), "alone", "/hello", "")
	member(t, dir, "first", "/env", "")
	member(t, dir, "second", "/time", "")
	s := up(t, nil, "--admin", "0", alone, dir)
	o := operate(t, s)
	for _, name := range []string{"alone", "first", "second"} {
		if !strings.Contains(s.stderr(), "serving "+name+" on "+s.base+"\n") {
			t.Errorf("%s is not greeted: %s", name, s.stderr())
		}
	}
	status := func(path string, want int) {
		t.Helper()
		if got, text, err := s.get(path, ""); err != nil || got != want {
			t.Errorf("%s: %d %q %v, want %d", path, got, text, err, want)
		}
	}
	status("/hello", 200)
	status("/env", 200)
	status("/time", 200)

	if code, got := o.ask("POST", "/reload", ""); code != 200 || got != "nothing has changed\n" {
		t.Errorf("without a change: %d %q", code, got)
	}
	stop := s.probeNeighbour()
	member(t, dir, "first", "/env", ", environment: {NEW: value}")
	member(t, dir, "third", "/random", "")
	if err := os.Remove(filepath.Join(dir, "second.yaml")); err != nil {
		t.Fatal(err)
	}
	if code, got := o.ask("POST", "/reload", ""); code != 200 || got != "reloaded\n" {
		t.Errorf("changes: %d %q", code, got)
	}
	status("/random", 200)
	status("/time", 404)
	if _, text, _ := s.get("/env", ""); !strings.Contains(text, "NEW") {
		t.Errorf("the changed one: %q", text)
	}

	member(t, dir, "third", "/hello", "") // which alone serves
	member(t, dir, "first", "/env", ", environment: {NEW: again}, mistake: 1")
	code, got := o.ask("POST", "/reload", "")
	if code != 409 || !strings.Contains(got, "mistake") || !strings.Contains(got, "alone serves it already") {
		t.Errorf("mistakes: %d %q", code, got)
	}
	status("/random", 200)
	if _, text, _ := s.get("/env", ""); !strings.Contains(text, "value") {
		t.Errorf("the one with a mistake: %q", text)
	}
	if n, err := stop(); err != nil || n == 0 {
		t.Errorf("the neighbour: %d answers, %v", n, err)
	}
	_, states := o.ask("GET", "/workloads", "")
	for _, name := range []string{"alone", "first", "third"} {
		if !strings.Contains(states, `"id": "`+name+`"`) {
			t.Errorf("no %s in %s", name, states)
		}
	}
	page := o.await("/metrics", `otel_scope_vitrine_workload_name="third"`)
	if !strings.Contains(page, `otel_scope_vitrine_workload_name="alone"`) {
		t.Errorf("the metrics of the first are not its own: %.2000s", page)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+o.base+"/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 405 {
		t.Errorf("GET /reload: %v %v", resp, err)
	}
}

// TestSeveralMistakes: two workloads of one name do not start, and neither do several of which none can; it is said why.
func TestSeveralMistakes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	one := member(t, a, "one", "/", "")
	if code, _, errs := run(t, "", "up", "--listen", "127.0.0.1:0", one, member(t, b, "one", "/x", "")); code != 2 || !strings.Contains(errs, "two workloads have the name one") {
		t.Errorf("of one name: %d %s", code, errs)
	}
	for _, format := range []string{"text", "json"} {
		code, _, errs := run(t, "", "up", "--listen", "127.0.0.1:0", "--log-format", format, broken(t, b, "three", "/a"), broken(t, b, "four", "/b"))
		if code != 2 || !strings.Contains(errs, "none of the workloads starts") || strings.Contains(errs, "serving ") {
			t.Errorf("%s: %d %s", format, code, errs)
		}
		for line := range strings.Lines(errs) {
			if format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	}
}

// broken writes the manifest of a workload whose component is none.
func broken(t *testing.T, dir, name, path string) string {
	t.Helper()
	file := member(t, dir, name, path, "")
	wasm := filepath.Join(dir, name+".wasm")
	if err := os.WriteFile(wasm, []byte("\x00asm\x0d\x00\x01\x00\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), testref.File(t, "rust-http-full-p2"), wasm, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSeveralOneFails: of several workloads those that cannot start are told, with the state failed and its reason, and the others serve; a reload tries
// them again, and does not remember one whose manifest has gone.
func TestSeveralOneFails(t *testing.T) {
	dir := t.TempDir()
	member(t, dir, "a-good", "/hello", "")
	broken(t, dir, "b-broken", "/env")
	member(t, dir, "c-same", "/hello", "") // the route is taken
	s := up(t, nil, "--admin", "0", dir)
	o := operate(t, s)
	stop := s.probeNeighbour()
	all := s.stderr()
	for _, want := range []string{"serving a-good on ", "workload b-broken has failed, and the others serve: ", "workload c-same has failed, and the others serve: ", "a-good serves it already", "POST /reload"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "serving b-broken") || strings.Contains(all, "serving c-same") {
		t.Errorf("what has failed is greeted:\n%s", all)
	}
	states := func() map[string]string {
		t.Helper()
		_, text := o.ask("GET", "/workloads", "")
		var got struct {
			Workloads []struct{ ID, State, Reason string }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, w := range got.Workloads {
			out[w.ID] = w.State
			if (w.State == "failed") != (w.Reason != "") {
				t.Errorf("%s is %s, for %q", w.ID, w.State, w.Reason)
			}
		}
		return out
	}
	if got := states(); got["a-good"] != "running" || got["b-broken"] != "failed" || got["c-same"] != "failed" {
		t.Errorf("states %v", got)
	}
	if code, text := o.ask("GET", "/readyz", ""); code != 503 || !strings.Contains(text, "workload b-broken is failed") {
		t.Errorf("/readyz: %d %q", code, text)
	}
	if code, text := o.ask("POST", "/reload", ""); code != 409 || !strings.Contains(text, "a-good serves it already") {
		t.Errorf("a reload in vain: %d %q", code, text)
	}
	member(t, dir, "b-broken", "/env", "")
	if err := os.Remove(filepath.Join(dir, "c-same.yaml")); err != nil {
		t.Fatal(err)
	}
	if code, text := o.ask("POST", "/reload", ""); code != 200 || text != "reloaded\n" {
		t.Errorf("mended: %d %q", code, text)
	}
	if status, text, err := s.get("/env", ""); err != nil || status != 200 {
		t.Errorf("the mended one: %d %q %v", status, text, err)
	}
	if got := states(); got["b-broken"] != "running" || got["c-same"] != "stopped" {
		t.Errorf("states %v", got)
	}
	if code, text := o.ask("GET", "/readyz", ""); code != 200 {
		t.Errorf("/readyz: %d %q", code, text)
	}
	if n, err := stop(); err != nil || n == 0 {
		t.Errorf("the neighbour: %d answers, %v", n, err)
	}
}
