// Package functions calls every function of the interfaces that a plugin serves through the boundary of a component of testdata/surface, with
// values of a test, and writes the table of what was seen: FUNCTIONS.md beside the plugin. The interfaces are compared with the WIT of record.
package functions

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Served is a package whose interfaces a plugin serves, and the test of their functions.
type Served struct {
	Of        *surface.Surface
	Reference string         // the folder in the WIT of record
	Uses      []string       // the folders there of packages that it refers to
	Only      []string       // the names of its interfaces that the plugin serves; nil: all
	Test      func(g *Guest) // what Run calls
}

// Table is what is written of a plugin's functions. Its methods are safe for concurrent use, but for Compare.
type Table struct {
	Plugin string // its folder in the module
	Title  string
	On     string // what the functions were called on: "on files and in memory"
	Note   string // what else there is to say, after a space or a line end; may be empty
	Served []Served
	Also   []string // the interfaces that the plugin serves besides: types of interfaces that components export

	mu   sync.Mutex
	seen map[string]map[string]bool // outcomes of "interface#function"
}

// Guest is an instance of a component of testdata/surface. It is for one goroutine.
type Guest struct {
	T          testing.TB
	Inst       *component.Instance
	table      *Table
	of         *surface.Surface
	interfaces []*wit.Interface
	engine     *component.Engine
}

// Run runs the tests of all packages under a name, which says what the plugin was linked with. link adds the plugin to a linker.
func (tb *Table) Run(t *testing.T, name string, engine *component.Engine, link Link) {
	for i := range tb.Served {
		s := &tb.Served[i]
		t.Run(strings.TrimSpace(s.Reference+" "+name), func(t *testing.T) { s.Test(tb.Guest(t, engine, s.Of, link)) })
	}
}

// Guest is an instance of one of the components, for the time of a test.
func (tb *Table) Guest(t testing.TB, engine *component.Engine, of *surface.Surface, link Link) *Guest {
	t.Helper()
	i := slices.IndexFunc(tb.Served, func(s Served) bool { return s.Of == of })
	if i < 0 {
		t.Fatalf("%s is not in the table of %s", of.File, tb.Plugin)
	}
	set, err := of.Load(testref.Root())
	if err != nil {
		t.Fatal(err)
	}
	l := engine.NewLinker(nil)
	link(t, l)
	file := filepath.Join(testref.Root(), strings.TrimSuffix(filepath.FromSlash(of.File), "t")+"sm")
	return &Guest{t, Instance(t, engine, l, file), tb, of, tb.Served[i].interfaces(set), engine}
}

// Again is another instance of the component, which is linked with something else: the plugin with other grants.
func (g *Guest) Again(link Link) *Guest {
	g.T.Helper()
	return g.table.Guest(g.T, g.engine, g.of, link)
}

// Add notes an outcome of a function that a test has called otherwise than by [Guest.Call].
func (tb *Table) Add(id wit.InterfaceID, function, outcome string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
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
	id, export := g.find(name)
	v, err := g.Inst.Call(g.T.Context(), export, args...)
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
	_, function, _ := strings.Cut(name, "#")
	g.table.Add(id, function, outcome)
	return v
}

// Plain calls one of the component's own functions, which are in no table.
func (g *Guest) Plain(export string, args ...any) any {
	g.T.Helper()
	v, err := g.Inst.Call(g.T.Context(), export, args...)
	if err != nil {
		g.T.Fatalf("%s: %v", export, err)
	}
	return v
}

// Export is the component's function that calls "interface#function".
func (g *Guest) Export(name string) string {
	g.T.Helper()
	_, export := g.find(name)
	return export
}

// find is the interface of "interface#function", and the component's function that calls it.
func (g *Guest) find(name string) (id wit.InterfaceID, export string) {
	g.T.Helper()
	iface, function, _ := strings.Cut(name, "#")
	for _, i := range g.interfaces {
		if i.ID.Interface != iface {
			continue
		}
		if resource, isDrop := strings.CutPrefix(function, dropOf); isDrop {
			return i.ID, surface.Interface(i.ID) + "#drop-" + resource
		}
		for _, f := range i.AllFuncs() {
			if f.Name == function {
				return i.ID, surface.Interface(i.ID) + "#" + surface.Name(f)
			}
		}
	}
	g.T.Fatalf("%s has no function %s", g.of.File, name)
	return wit.InterfaceID{}, ""
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
