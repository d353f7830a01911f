package wast

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
)

var update = flag.Bool("update", false, "convert the scripts in testdata again")

// script reads a script of testdata that is already converted: no tool is needed.
func script(t *testing.T, name string) *Script {
	t.Helper()
	dir := filepath.Join("testdata", name)
	if *update {
		convert(t, dir)
	}
	s, err := readScript(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// convert converts testdata/name.wast into the folder testdata/name.
func convert(t *testing.T, dir string) {
	t.Helper()
	conv, err := NewConverter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := conv.Convert(t.Context(), dir+".wast")
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(s.dir))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, s *Script) []Result {
	t.Helper()
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return Run(t.Context(), e, s)
}

func TestHost(t *testing.T) {
	for _, r := range run(t, script(t, "host")) {
		if r.Outcome != Passed || r.Wording != nil && !*r.Wording {
			t.Errorf("line %d: %s %s: %s", r.Line, r.Form, r.Outcome, r.Why)
		}
	}
}

func TestWrongScriptFails(t *testing.T) {
	for _, r := range run(t, script(t, "wrong")) {
		want := Failed
		if r.Form == "module_definition" || r.Form == "module_instance" && r.Line == 13 {
			want = Passed
		}
		if r.Outcome != want || want == Failed && r.Why == "" {
			t.Errorf("line %d: %s %s: %s", r.Line, r.Form, r.Outcome, r.Why)
		}
	}
}

func TestFormsThatAreNotRun(t *testing.T) {
	s := script(t, "forms")
	want := map[int]Outcome{3: Skipped, 4: Skipped, 5: Skipped, 12: Skipped, 13: Skipped}
	for _, r := range run(t, s) {
		w := want[r.Line]
		if w == "" {
			w = Passed
		}
		if r.Outcome != w {
			t.Errorf("line %d: %s %s, wanted %s: %s", r.Line, r.Form, r.Outcome, w, r.Why)
		}
	}
}

func TestNoTool(t *testing.T) {
	t.Setenv("VITRINE_WAST_CACHE", t.TempDir())
	t.Setenv("VITRINE_WASM_TOOLS", "")
	t.Setenv("PATH", t.TempDir())
	conv, err := NewConverter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conv.Convert(t.Context(), filepath.Join("testdata", "host.wast")); !errors.Is(err, ErrNoTool) {
		t.Errorf("had %v", err)
	}
	t.Setenv("VITRINE_WASM_TOOLS", "nothing-here")
	if _, err := NewConverter(t.Context()); err == nil || !strings.Contains(err.Error(), "VITRINE_WASM_TOOLS") {
		t.Errorf("a tool that is not there: had %v", err)
	}
}
