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

// tableFile lists the outcomes of each function of WASI in the tests of this package.
const tableFile = "FUNCTIONS.md"

var update = flag.Bool("update", false, "write "+tableFile)

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
		if err := checkTable(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
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

// observed has the recorded outcomes by name, outcome and test. Names are those of funcs, and "io/poll.pollable" for the drop
// of a resource.
var observed = struct {
	sync.Mutex
	seen map[string]map[string]map[string]bool
}{seen: map[string]map[string]map[string]bool{}}

// record records an expected outcome of a function in a test.
func record(t *testing.T, name, outcome string) {
	test, _, _ := strings.Cut(t.Name(), "/")
	observed.Lock()
	defer observed.Unlock()
	if observed.seen[name] == nil {
		observed.seen[name] = map[string]map[string]bool{}
	}
	if observed.seen[name][outcome] == nil {
		observed.seen[name][outcome] = map[string]bool{}
	}
	observed.seen[name][outcome][test] = true
}

// checkTable writes the table or compares it with the one that is checked in.
func checkTable() error {
	text, err := table()
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
func table() (string, error) {
	set, err := surface.Load("..")
	if err != nil {
		return "", err
	}
	var b, problems strings.Builder
	var interfaces, functions, resources int
	row := func(show, name string) {
		outcomes := observed.seen[name]
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
	for _, e := range errorCodes {
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
	head := "<!-- Written by go generate ./wasi from what the tests see. DO NOT EDIT. -->\n\n# The functions of WASI 0.2.12 and their tests\n\n" +
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
	set, err := surface.Load("..")
	if err != nil {
		panic(err)
	}
	return set.Interface(wit.MustParseID("wasi:" + c.id + "@0.2.12")).Type("error-code").Cases
}

func (c *interfaceCodes) where(code string) []string {
	var all []string
	for name, outcomes := range observed.seen {
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
