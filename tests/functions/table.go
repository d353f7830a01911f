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
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Written by go test ./%s -update from what the tests see. DO NOT EDIT. -->\n\n# %s\n\n"+
		"Every function as %s calls it, through the boundary of a component\n(testdata/surface), %s; where an outcome stands, the test asserts it.%s\n",
		tb.Plugin, tb.Title, t.Name(), tb.On, tb.Note)
	excused := map[string]bool{}
	for i := range tb.Served {
		s := &tb.Served[i]
		set, err := s.Of.Load(testref.Root())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range s.interfaces(set) {
			rows := rows(i)
			if len(rows) == 0 || slices.Contains(s.Of.Exported, i.ID.String()) {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen |\n|---|---|\n", i.ID)
			for _, f := range rows {
				name := i.ID.String() + "#" + f.name
				outcomes := slices.Sorted(maps.Keys(tb.seen[name]))
				if !slices.Contains(outcomes, "ok") {
					t.Errorf("%s was not seen to succeed", name)
				}
				reason := never[name]
				failed := slices.ContainsFunc(outcomes, func(o string) bool { return o != "ok" })
				if f.fails && !failed && reason == "" {
					t.Errorf("%s was not seen to fail", name)
				}
				if failed && reason != "" {
					t.Errorf("%s was seen to fail, and is excused: %s", name, reason)
				}
				cell := strings.Join(outcomes, ", ")
				if reason != "" {
					excused[name] = true
					cell += "; never an error: " + reason
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", f.name, cell)
			}
		}
	}
	for name := range never {
		if !excused[name] {
			t.Errorf("%s is excused and is no function", name)
		}
	}
	compareFile(t, filepath.Join(testref.Root(), filepath.FromSlash(tb.Plugin), "FUNCTIONS.md"), b.String())
}

type row struct {
	name  string
	fails bool // its result has an error
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
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != text {
		t.Errorf("FUNCTIONS.md is not what the tests have seen (go test -update writes it): %v\n%s", err, text)
	}
}
