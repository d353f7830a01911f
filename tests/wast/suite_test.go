package wast

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestSuite runs the specification's scripts: all that are not asynchronous, and the two in async/ that only validate. All
// failures must be in gaps.txt.
func TestSuite(t *testing.T) {
	root := testref.Suite(t)
	all, err := Files([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range all {
		rel, err := filepath.Rel(root, f)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.ToSlash(rel)
		if !strings.HasPrefix(name, "async/") || strings.HasPrefix(name, "async/validate-") {
			files = append(files, f)
		}
	}
	conv, err := NewConverter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := RunFiles(t.Context(), conv, files)
	if errors.Is(err, ErrNoTool) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := Gaps()
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for _, f := range report.Files {
		for _, r := range f.Results {
			if r.Outcome == Failed || r.Outcome == Skipped && !r.Listed {
				t.Errorf("%s:%d: %s %s: %s", f.Path, r.Line, r.Form, r.Outcome, r.Why)
			}
		}
		for _, g := range gaps {
			if g.of(f.Path) {
				met[g.Script] = true
			}
		}
	}
	for _, g := range gaps {
		if !met[g.Script] {
			t.Errorf("gaps.txt: there is no script %s", g.Script)
		}
	}
	t.Logf("%d scripts: %s; %d of %d expected failures have the script's words", len(files), report.Counts, report.Worded, report.Messages)
}
