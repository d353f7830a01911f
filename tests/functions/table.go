package functions

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

// dropOf begins what the table calls the end of a resource.
const dropOf = "drop of "

// Compare compares what was seen with FUNCTIONS.md, which -update writes, if the tests were not narrowed by -run and have passed. It fails for
// a function that was not seen to succeed, and for one that can fail and was not seen to, unless it is in never with the reason: as
// "interface#function".
func (tb *Table) Compare(t *testing.T, never map[string]string) {
	t.Helper()
	if t.Failed() || flag.Lookup("test.run").Value.String() != "" {
		return
	}
	text, problems, err := tb.text(t.Name(), never)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	compareFile(t, filepath.Join(testref.Root(), filepath.FromSlash(tb.Plugin), "FUNCTIONS.md"), text)
}

// text is FUNCTIONS.md as a test has seen the functions, and what is not as Compare wants it.
func (tb *Table) text(test string, never map[string]string) (text string, problems []string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Written by go test ./%s -update from what the tests see. DO NOT EDIT. -->\n\n# %s\n\n"+
		"Every function as %s calls it, through the boundary of a component\n(testdata/surface), %s; where an outcome stands, the test asserts it.%s\n",
		tb.Plugin, tb.Title, test, tb.On, tb.Note)
	excused := map[string]bool{}
	for i := range tb.Served {
		s := &tb.Served[i]
		set, err := s.Of.Load(testref.Root())
		if err != nil {
			return "", nil, err
		}
		for _, i := range s.interfaces(set) {
			rows := rows(i)
			if len(rows) == 0 || slices.Contains(s.Of.Exported, i.ID.String()) {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen |\n|---|---|\n", i.ID)
			for _, r := range rows {
				name := i.ID.String() + "#" + r.name
				outcomes, reason := slices.Sorted(maps.Keys(tb.seen[name])), never[name]
				problems = append(problems, r.problems(name, outcomes, reason)...)
				cell := strings.Join(outcomes, ", ")
				if reason != "" {
					excused[name] = true
					cell += "; never an error: " + reason
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", r.name, cell)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(never)) {
		if !excused[name] {
			problems = append(problems, name+" is excused and is no function")
		}
	}
	return b.String(), problems, nil
}

type row struct {
	name  string
	fails bool // its result has an error
}

// problems are what is missing of a function's outcomes. reason is why it never fails, empty if it does.
func (r *row) problems(name string, outcomes []string, reason string) (out []string) {
	failed := slices.ContainsFunc(outcomes, func(o string) bool { return o != "ok" })
	if !slices.Contains(outcomes, "ok") {
		out = append(out, name+" was not seen to succeed")
	}
	if r.fails && !failed && reason == "" {
		out = append(out, name+" was not seen to fail")
	}
	if failed && reason != "" {
		out = append(out, name+" was seen to fail, and is excused: "+reason)
	}
	return out
}

func rows(i *wit.Interface) (out []row) {
	for _, f := range i.AllFuncs() {
		out = append(out, row{f.Name, f.Result != nil && f.Result.Resolve().Kind == wit.Result})
	}
	for _, r := range i.Types {
		if r.Kind == wit.Resource {
			out = append(out, row{name: dropOf + r.Name})
		}
	}
	return out
}

func compareFile(t *testing.T, path, text string) {
	t.Helper()
	if *update && !t.Failed() {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != text {
		t.Errorf("FUNCTIONS.md is not what the tests have seen (go test -update writes it): %v\n%s", err, text)
	}
}
