package wast

import (
	"strings"
	"testing"
)

func TestParseGaps(t *testing.T) {
	l, err := parseGaps("# comment\n\na/b.wast:3 no such thing\nb.wast:4-9 nor this\n")
	if err != nil || len(l) != 2 || l[0] != (Gap{"a/b.wast", 3, 3, "no such thing"}) || l[1] != (Gap{"b.wast", 4, 9, "nor this"}) {
		t.Errorf("had %v, %v", l, err)
	}
	for name, text := range map[string]string{
		"no reason": "a.wast:3", "no line": "a.wast why", "no number": "a.wast:x why", "line 0": "a.wast:0 why",
		"run backwards": "a.wast:4-3 why", "half a run": "a.wast:4- why",
	} {
		if _, err := parseGaps(text); err == nil || !strings.Contains(err.Error(), "gaps.txt:1") {
			t.Errorf("%s: had %v", name, err)
		}
	}
}

func TestGapsFailInBothDirections(t *testing.T) {
	apply := func(path string, results ...Result) []Result {
		f := &File{Path: path, Results: results}
		GapList{{"dir/a.wast", 2, 4, "why"}}.Apply(f)
		return f.Results
	}
	got := apply("x/dir/a.wast", Result{Line: 1, Outcome: Failed}, Result{Line: 2, Outcome: Failed}, Result{Line: 3, Outcome: Skipped},
		Result{Line: 4, Outcome: Passed}, Result{Line: 5, Outcome: Skipped})
	want := []Outcome{Failed, Skipped, Skipped, Failed, Skipped}
	for i, r := range got {
		if r.Outcome != want[i] {
			t.Errorf("line %d: %s, wanted %s", r.Line, r.Outcome, want[i])
		}
	}
	if !got[1].Listed || got[1].Why != "why" || got[4].Listed || !strings.Contains(got[3].Why, "no more") {
		t.Errorf("had %+v", got)
	}
	if got := apply("dir/a.wast", Result{Line: 1, Outcome: Passed}); len(got) != 2 || got[1].Outcome != Failed {
		t.Errorf("an entry without a command: had %+v", got)
	}
	for _, other := range []string{"dir/b.wast", "a.wast", "subdir/a.wast"} {
		if got := apply(other, Result{Line: 2, Outcome: Passed}); got[0].Outcome != Passed {
			t.Errorf("%s: an entry of another script counts", other)
		}
	}
}
