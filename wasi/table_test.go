package wasi_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/wit"
)

//go:generate go test -count=1 -timeout 120s . -update

// tableFiles list the outcomes of each function of WASI in the tests of this package.
var tableFiles = map[*surface.Surface]string{surface.P2: "FUNCTIONS.md", surface.P3: "FUNCTIONS-0.3.md"}

var update = flag.Bool("update", false, "write the tables of functions")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if e := sharedEngine.engine; e != nil {
		if err := errors.Join(e.Close(context.Background()), os.RemoveAll(sharedEngine.cache)); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 && complete() {
		for of := range tableFiles {
			if err := checkTable(of); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// complete says whether every test has run, where all of them can.
func complete() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return runtime.GOOS == "linux"
}

// observed has the recorded outcomes by version, name, outcome and test. Names are those of funcs, and "io/poll.pollable" for the drop
// of a resource.
var observed = struct {
	sync.Mutex
	seen map[*surface.Surface]outcomes
}{seen: map[*surface.Surface]outcomes{surface.P2: {}, surface.P3: {}}}

type outcomes map[string]map[string]map[string]bool

// record records an expected outcome of a function of WASI 0.2 in a test.
func record(t *testing.T, name, outcome string) { recordOf(surface.P2, t, name, outcome) }

func recordOf(of *surface.Surface, t *testing.T, name, outcome string) {
	test, _, _ := strings.Cut(t.Name(), "/")
	observed.Lock()
	defer observed.Unlock()
	seen := observed.seen[of]
	if seen[name] == nil {
		seen[name] = map[string]map[string]bool{}
	}
	if seen[name][outcome] == nil {
		seen[name][outcome] = map[string]bool{}
	}
	seen[name][outcome][test] = true
}

// checkTable writes the table or compares it with the one that is checked in.
func checkTable(of *surface.Surface) error {
	tableFile := tableFiles[of]
	text, err := table(of)
	if err != nil {
		return err
	}
	if *update {
		return os.WriteFile(tableFile, []byte(text), 0o644)
	}
	old, err := os.ReadFile(tableFile)
	if err != nil {
		return err
	}
	if string(old) == text {
		return nil
	}
	had, has := strings.Split(string(old), "\n"), strings.Split(text, "\n")
	var b strings.Builder
	for _, l := range had {
		if !slices.Contains(has, l) {
			fmt.Fprintf(&b, "- %s\n", l)
		}
	}
	for _, l := range has {
		if !slices.Contains(had, l) {
			fmt.Fprintf(&b, "+ %s\n", l)
		}
	}
	return fmt.Errorf("%s is not what the tests have seen; go generate ./wasi writes it:\n%s", tableFile, b.String())
}

// table is the text of the table. It fails if no test had a function succeed, or if an error code was neither seen nor has a
// reason.
func table(of *surface.Surface) (string, error) {
	set, err := of.Load("..")
	if err != nil {
		return "", err
	}
	var b, problems strings.Builder
	var interfaces, functions, resources int
	row := func(show, name string) {
		outcomes := observed.seen[of][name]
		if !slices.ContainsFunc(slices.Collect(maps.Keys(outcomes)), func(o string) bool { return o == "ok" || strings.HasPrefix(o, "exit ") }) {
			fmt.Fprintf(&problems, "%s was not seen to succeed\n", name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", show, cell(outcomes))
	}
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			interfaces++
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen, and where |\n|---|---|\n", i.ID)
			for _, f := range i.AllFuncs() {
				functions++
				row(f.Name, shortName(i.ID, f))
			}
			for _, t := range i.Types {
				if t.Kind == wit.Resource {
					resources++
					row("drop of "+t.Name, i.ID.Package+"/"+i.ID.Interface+"."+t.Name)
				}
			}
		}
	}
	if of == surface.P3 {
		families(set, &b, &problems)
	}
	for _, e := range errorCodes {
		if of != surface.P2 {
			break
		}
		fmt.Fprintf(&b, "\n## Codes of %s\n\n| code | how it comes about |\n|---|---|\n", e.id)
		for _, c := range e.cases() {
			where, unseen := e.where(c.Name), e.unseen[c.Name]
			switch {
			case (len(where) == 0) == (unseen == ""):
				fmt.Fprintf(&problems, "%s: error code %s: seen in %q, reason not to be seen: %q\n", e.id, c.Name, where, unseen)
			case unseen != "":
				fmt.Fprintf(&b, "| %s | not seen: %s |\n", c.Name, unseen)
			default:
				fmt.Fprintf(&b, "| %s | %s |\n", c.Name, strings.Join(where, ", "))
			}
		}
	}
	if problems.Len() > 0 {
		return "", fmt.Errorf("%s", problems.String())
	}
	head := "<!-- Written by go generate ./wasi from what the tests see. DO NOT EDIT. -->\n\n# The functions of WASI " + of.Version + " and their tests\n\n" +
		"Every function as tests of this package call it, through the boundary of a component (testdata/surface); where an outcome\n" +
		"stands, the test asserts it. `go test ./wasi` fails when the table says anything else than what was seen.\n\n" +
		fmt.Sprintf("%d interfaces, %d functions, %d resources.\n", interfaces, functions, resources)
	return head + b.String(), nil
}

// cell lists each outcome with its tests, successes first.
func cell(outcomes map[string]map[string]bool) string {
	var parts []string
	if tests := outcomes["ok"]; tests != nil {
		parts = append(parts, "ok: "+strings.Join(slices.Sorted(maps.Keys(tests)), ", "))
	}
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		if o != "ok" {
			parts = append(parts, o+": "+strings.Join(slices.Sorted(maps.Keys(outcomes[o])), ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// interfaceCodes are the error codes of one interface. A code is seen if a function of prefix ended with it.
type interfaceCodes struct {
	id     string
	prefix string
	unseen map[string]string // by code: why no test sees it
}

// cases are the codes in WIT.
func (c *interfaceCodes) cases() []wit.Case {
	set, err := surface.P2.Load("..")
	if err != nil {
		panic(err)
	}
	return set.Interface(wit.MustParseID("wasi:" + c.id + "@0.2.12")).Type("error-code").Cases
}

func (c *interfaceCodes) where(code string) []string {
	var all []string
	for name, outcomes := range observed.seen[surface.P2] {
		if strings.HasPrefix(name, c.prefix) {
			for test := range outcomes[code] {
				_, fn, _ := strings.Cut(name, "#")
				all = append(all, "`"+fn+"` in "+test)
			}
		}
	}
	slices.Sort(all)
	return all
}

// families writes which codes of each type of errors of WASI 0.3 a test has seen. It is a problem if there are none.
func families(set *wit.Set, b, problems *strings.Builder) {
	fmt.Fprint(b, "\n## Errors\n\nHow each case comes about is the business of the capability, which 0.2 shares: see FUNCTIONS.md.\n\n| type of errors | codes that were seen |\n|---|---|\n")
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			for _, t := range i.Types {
				if t.From != nil || !strings.HasSuffix(t.Name, "error-code") && !strings.HasSuffix(t.Name, "-error") {
					continue
				}
				var seen []string
				for _, c := range t.Cases {
					if sawError(i.ID.String()+"."+t.Name, c.Name) {
						seen = append(seen, c.Name)
					}
				}
				if len(seen) == 0 {
					fmt.Fprintf(problems, "%s: no test has seen an error of %s\n", i.ID, t.Name)
				}
				fmt.Fprintf(b, "| %s of %s | %s |\n", t.Name, i.ID, strings.Join(seen, ", "))
			}
		}
	}
}

// sawError says whether a function of WASI 0.3 ended with a code of the type named, or a future that it gave.
func sawError(typ, code string) bool {
	for name, outcomes := range observed.seen[surface.P3] {
		f := funcs3()[name]
		if f == nil || outcomes[code] == nil && outcomes["ended "+code] == nil {
			continue
		}
		found := false
		var look func(t *wit.Type)
		look = func(t *wit.Type) {
			if t == nil {
				return
			}
			if t.Kind == wit.Result && t.Err != nil {
				e := t.Err.Resolve()
				found = found || e.Interface.ID.String()+"."+e.Name == typ
			}
			t.Walk(look)
		}
		look(f.Result)
		if found {
			return true
		}
	}
	return false
}
