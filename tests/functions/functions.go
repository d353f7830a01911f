// Package functions calls every function of the interfaces that a plugin serves through the boundary of a component of testdata/surface, with
// values of a test, and writes the table of what was seen: FUNCTIONS.md beside the plugin. The interfaces are compared with the WIT of record.
package functions

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

// Served is a package whose interfaces a plugin serves, and the test of their functions.
type Served struct {
	Of        *surface.Surface
	Reference string   // the folder in the WIT of record
	Only      []string // the names of its interfaces that the plugin serves; nil: all
	Test      func(g *Guest)
}

// Table is what is written of a plugin's functions.
type Table struct {
	Plugin string // its folder in the module
	Title  string
	On     string // what the functions were called on: "on files and in memory"
	Note   string // what else there is to say, after a space or a line end; may be empty
	Served []Served
	seen   map[string]map[string]bool // outcomes of "interface#function"
}

// Guest is an instance of a component of testdata/surface. It is for one goroutine.
type Guest struct {
	T     *testing.T
	table *Table
	set   *wit.Set
	inst  *component.Instance
}

// Engine is one for the time of a test.
func Engine(t *testing.T) *component.Engine {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	return engine
}

// Instance is an instance of the component in a file, linked with what l has, for the time of a test.
func Instance(t *testing.T, engine *component.Engine, l *component.Linker, file string) *component.Instance {
	t.Helper()
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return inst
}

// Run runs the tests of all packages under a name, which says what the plugin was linked with. bind adds the plugin to a linker.
func (tb *Table) Run(t *testing.T, name string, engine *component.Engine, bind func(t *testing.T, l *component.Linker)) {
	for i := range tb.Served {
		s := &tb.Served[i]
		t.Run(strings.TrimSpace(s.Reference+" "+name), func(t *testing.T) {
			set, err := s.Of.Load(testref.Root())
			if err != nil {
				t.Fatal(err)
			}
			l := engine.NewLinker(nil)
			bind(t, l)
			file := filepath.Join(testref.Root(), strings.TrimSuffix(filepath.FromSlash(s.Of.File), "t")+"sm")
			s.Test(&Guest{t, tb, set, Instance(t, engine, l, file)})
		})
	}
}

// Add notes an outcome of a function that a test has called otherwise than by [Guest.Call].
func (tb *Table) Add(id wit.InterfaceID, function, outcome string) {
	if tb.seen == nil {
		tb.seen = map[string]map[string]bool{}
	}
	key := id.String() + "#" + function
	if tb.seen[key] == nil {
		tb.seen[key] = map[string]bool{}
	}
	tb.seen[key][outcome] = true
}

// Call calls "interface#function" and returns its result, or the payload of its error. The outcome has to be want: "ok", the name of the
// error's case, "error" for an error that is none of several, or "trap".
func (g *Guest) Call(want, name string, args ...any) any {
	g.T.Helper()
	iface, function, _ := strings.Cut(name, "#")
	id := g.set.Packages[0].Interfaces[0].ID
	id.Interface = iface
	v, err := g.inst.Call(g.T.Context(), surface.Interface(id)+"#"+g.export(id, function), args...)
	outcome := "ok"
	var fail *cm.ResultError[any]
	if errors.As(err, &fail) {
		v, outcome = fail.Value, "error"
		if e, ok := v.(cm.Variant); ok {
			v, outcome = e.Value, e.Case
		}
	} else if err != nil {
		v, outcome = err.Error(), "trap"
	}
	if outcome != want {
		g.T.Fatalf("%s: %s, %s; wanted %s", name, outcome, Show(v), want)
	}
	g.table.Add(id, function, outcome)
	return v
}

// Plain calls one of the component's own functions, which are in no table.
func (g *Guest) Plain(export string, args ...any) any {
	g.T.Helper()
	v, err := g.inst.Call(g.T.Context(), export, args...)
	if err != nil {
		g.T.Fatalf("%s: %v", export, err)
	}
	return v
}

func (g *Guest) export(id wit.InterfaceID, function string) string {
	g.T.Helper()
	if name, isDrop := strings.CutPrefix(function, dropOf); isDrop {
		return "drop-" + name
	}
	for _, p := range g.set.Packages {
		for _, i := range p.Interfaces {
			for _, f := range i.AllFuncs() {
				if i.ID == id && f.Name == function {
					return surface.Name(f)
				}
			}
		}
	}
	g.T.Fatalf("%s has no function %s", id, function)
	return ""
}

// Want compares a value with a text: see [Show].
func (g *Guest) Want(got any, want string) {
	g.T.Helper()
	if text := Show(got); text != want {
		g.T.Errorf("got %s, wanted %s", text, want)
	}
}

// Show is a value as text: bytes as theirs, an option as its value or none, a case as its name and its payload.
func Show(v any) string {
	switch x := v.(type) {
	case []byte:
		return string(x)
	case cm.Variant:
		if x.Value == nil {
			return x.Case
		}
		return x.Case + "(" + Show(x.Value) + ")"
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return "none"
		}
		return Show(r.Elem().Interface())
	case reflect.Slice:
		var parts []string
		for i := range r.Len() {
			parts = append(parts, Show(r.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Invalid:
		return "none"
	}
	return fmt.Sprint(v)
}

// interfaces are those of a set that the plugin serves, or passes to components.
func (s *Served) interfaces(set *wit.Set) (out []*wit.Interface) {
	for _, p := range set.Packages {
		p.StripDocs()
		for _, i := range p.Interfaces {
			if s.Only == nil || slices.Contains(s.Only, i.ID.Interface) {
				out = append(out, i)
			}
		}
	}
	return out
}

// Reference compares the interfaces with the WIT of record, both ways: their names, and their functions' signatures. serves is what the
// plugin says that it serves: all of them but those that components export.
func (tb *Table) Reference(t *testing.T, serves []wit.InterfaceID) {
	t.Helper()
	dir := testref.WIT(t)
	var served, says []string
	for i := range tb.Served {
		s := &tb.Served[i]
		reference, err := wit.Load(filepath.Join(dir, s.Reference))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.Of.Load(testref.Root())
		if err != nil {
			t.Fatal(err)
		}
		want, had := map[string]string{}, map[string]string{}
		for _, i := range s.interfaces(reference) {
			want[i.ID.String()] = i.Print()
		}
		for _, i := range s.interfaces(ours) {
			had[i.ID.String()] = i.Print()
			if !slices.Contains(s.Of.Exported, i.ID.String()) {
				served = append(served, i.ID.String())
			}
		}
		for name, text := range want {
			if had[name] != text {
				t.Errorf("%s is\n%s\nwant\n%s", name, had[name], text)
			}
		}
		for name := range had {
			if want[name] == "" {
				t.Errorf("%s is not in the reference", name)
			}
		}
	}
	for _, id := range serves {
		says = append(says, id.String())
	}
	slices.Sort(served)
	slices.Sort(says)
	if !slices.Equal(served, says) {
		t.Errorf("the plugin serves %v; tested are %v", says, served)
	}
}

// Stream is a stream with a text, which is written while the guest's call waits.
func (g *Guest) Stream(text string) *cm.StreamReader[uint8] {
	w, r := cm.NewStream[uint8]()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.Write(context.Background(), []byte(text)) // who does not read it does not want it
		_ = w.Close()
	}()
	g.T.Cleanup(func() { <-done })
	return r
}
