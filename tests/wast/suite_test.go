package wast

import (
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestSuite runs the specification's own scripts, with and without the features that are off by default. What does not pass
// has to stand in gaps.txt, or to need a feature that is off.
func TestSuite(t *testing.T) {
	for name, features := range map[string][]component.Feature{"default": nil, "features": component.Features} {
		t.Run(name, func(t *testing.T) { runSuite(t, features) })
	}
}

func runSuite(t *testing.T, features []component.Feature) {
	root := testref.Suite(t)
	files, err := Files([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	conv, err := NewConverter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := RunFiles(t.Context(), conv, files, features...)
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
			if r.Outcome == Failed || r.Outcome == Skipped && !r.Listed && !r.Gated {
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
