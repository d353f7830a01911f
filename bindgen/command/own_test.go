package command

import (
	"bufio"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/bindgen"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

// directive is a line by which go generate makes a binding of this repository.
type directive struct {
	file string // with the line
	dir  string // that its paths begin at, from the file's
	args []string
	flags
}

var bindgenLine = regexp.MustCompile(`^//go:generate go (?:run (?:-C (\S+) )?\S*cmd/bindgen|tool bindgen) (.*)$`)

// directives finds them all.
func directives(t *testing.T) []*directive {
	t.Helper()
	var all []*directive
	err := filepath.WalkDir(testref.Root(), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 1:
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if m := bindgenLine.FindStringSubmatch(lines.Text()); m != nil {
				all = append(all, &directive{file: path, dir: m[1], args: strings.Fields(m[2])})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		set := newCommand(io.Discard, &d.flags).Flags()
		if err := set.Parse(d.args); err != nil {
			t.Fatalf("%s: %v", d.file, err)
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d bindings", len(all))
	}
	return all
}

// TestBindingsHaveNotDrifted: what is checked in of this module's bindings, of examples and of tests is what their text makes.
func TestBindingsHaveNotDrifted(t *testing.T) {
	for _, d := range directives(t) {
		t.Run(d.Bind, func(t *testing.T) {
			t.Chdir(filepath.Join(filepath.Dir(d.file), d.dir))
			cmd := New(io.Discard)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(append(d.args, "--check"))
			if err := cmd.Execute(); err != nil {
				t.Errorf("%s: %v (make generate)", d.file, err)
			}
		})
	}
}

// own are the directives of the bindings that this module ships, by what they bind.
func own(t *testing.T) map[string]*directive {
	t.Helper()
	m := map[string]*directive{}
	for _, d := range directives(t) {
		if strings.HasPrefix(d.Bind, "wasi:") && !d.Component {
			m[d.Bind] = d
		}
	}
	return m
}

// TestShipped: the bindings that others import from are those that are made.
func TestShipped(t *testing.T) {
	made := own(t)
	for _, s := range bindgen.Shipped() {
		d := made[s.WIT]
		if d == nil {
			t.Errorf("%s is bound nowhere", s.WIT)
			continue
		}
		delete(made, s.WIT)
		rel, err := filepath.Rel(testref.Root(), filepath.Join(filepath.Dir(d.file), d.out))
		if err != nil {
			t.Fatal(err)
		}
		if want := "github.com/vitrine-wasm/vitrine/" + filepath.ToSlash(rel); s.Path != want || !slices.Equal(s.Features, d.Features) || s.Package != d.Package {
			t.Errorf("%+v, made in %s with features %v as package %q", s, want, d.Features, d.Package)
		}
	}
	for bind := range made {
		t.Errorf("%s is bound, and not among those that are shipped", bind)
	}
}

// texts are the WIT text of the bindings that are shipped, and that of the reference, of the same packages.
func texts(t *testing.T) (ours, reference *wit.Set) {
	t.Helper()
	dir := testref.WIT(t)
	var at []string
	for _, d := range own(t) {
		for _, w := range d.wit {
			at = append(at, filepath.Join(filepath.Dir(d.file), w))
		}
	}
	slices.Sort(at)
	ours, err := wit.Load(slices.Compact(at)...)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, p := range ours.Packages {
		dirs = append(dirs, filepath.Join(dir, strings.Replace(p.String(), ":", "-", 1)))
	}
	reference, err = wit.Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	addSecondState(t, reference, dirs)
	return ours, reference
}

// secondState are the packages of which the reference has a second state with the same version, in a folder whose name ends in -main:
// our text has the functions of both, because a component may import either.
var secondState = []string{"wasi-otel@0.2.0-rc.2"}

// addSecondState adds to the reference the functions that only the second state of a package has.
func addSecondState(t *testing.T, reference *wit.Set, dirs []string) {
	t.Helper()
	later := slices.Clone(dirs)
	for i, dir := range later {
		if slices.Contains(secondState, filepath.Base(dir)) {
			later[i] += "-main"
		}
	}
	set, err := wit.Load(later...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range set.Packages {
		for k, of := range p.Interfaces {
			to := reference.Packages[i].Interfaces[k]
			if to.ID != of.ID {
				t.Fatalf("the second state has %s where the first has %s", of.ID, to.ID)
			}
			for _, f := range of.Funcs {
				if !slices.ContainsFunc(to.Funcs, func(g *wit.Func) bool { return g.Name == f.Name }) {
					to.Funcs = append(to.Funcs, f)
				}
			}
		}
	}
}

// TestTextIsReference compares this module's own WIT text with the reference, in both directions: what is printed of
// both without docs has to be the same.
func TestTextIsReference(t *testing.T) {
	ours, reference := texts(t)
	want, had := signatures(reference), signatures(ours)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch {
		case had[name] == "":
			t.Errorf("%s is missing here", name)
		case had[name] != want[name]:
			t.Errorf("%s differs: here\n%s\nreference\n%s", name, had[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(had)) {
		if want[name] == "" {
			t.Errorf("%s is not in the reference", name)
		}
	}
}

// signatures prints each interface and world without docs, by full name.
func signatures(s *wit.Set) map[string]string {
	m := map[string]string{}
	for _, p := range s.Packages {
		p.StripDocs()
		for _, i := range p.Interfaces {
			m[i.ID.String()] = i.Print()
		}
		for _, w := range p.Worlds {
			m[w.ID().String()] = w.Print()
		}
	}
	return m
}

var isChild = regexp.MustCompile(`\b(is|are|and) a child\b`)

// TestChildren compares the functions that the directives say to give children with those of which the text of the reference
// says so, both ways.
func TestChildren(t *testing.T) {
	_, reference := texts(t)
	total := 0
	for bind, d := range own(t) {
		name, version, _ := strings.Cut(bind, "@")
		ns, name, _ := strings.Cut(name, ":")
		p := reference.Package(ns, name, version)
		if p == nil {
			t.Fatalf("%s is not in the reference", bind)
		}
		var children []string
		for _, i := range p.Interfaces {
			for _, f := range i.AllFuncs() {
				if isChild.MatchString(strings.Join(strings.Fields(f.Docs), " ")) {
					children = append(children, strings.TrimPrefix(f.Name, "[method]"))
				}
			}
		}
		total += len(children)
		slices.Sort(children)
		if said := slices.Sorted(slices.Values(d.Children)); !slices.Equal(children, said) {
			t.Errorf("%s: the text calls what these give children: %v; its directive: %v", bind, children, said)
		}
	}
	if total != 11 {
		t.Errorf("%d functions give children, want 11", total)
	}
}
