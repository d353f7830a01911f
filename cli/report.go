package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// report is what `vitrine inspect` knows of a component.
type report struct {
	Name        string          `json:"name"`
	Size        int             `json:"size"`
	Digest      string          `json:"digest"`
	Imports     []worldItem     `json:"imports"`
	Exports     []worldItem     `json:"exports"`
	Components  []nested        `json:"components"` // the nested ones that hold core modules or others, outermost first
	Modules     []module        `json:"modules"`
	Features    []string        `json:"coreFeatures"`
	Boundaries  []boundaryEntry `json:"boundaries"`
	Reset       string          `json:"notResettable,omitempty"` // why each invocation needs a new instance
	Unsupported []string        `json:"unsupported,omitempty"`   // what this version does not run
	Problem     string          `json:"problem,omitempty"`       // why the boundaries are not known
	// Omitted is how many more there are of what is too much to be shown, by list: "boundaries".
	Omitted map[string]int `json:"omitted,omitempty"`

	room int // bytes that may still be shown
}

// Bounds of a report: a small file can have a few long names stand in very many places.
const (
	maxReport     = 4 << 20 // bytes of names and types
	maxReportText = 2 << 10 // bytes of one of them
	entryBytes    = 64      // what an entry is counted as beside its texts
)

// fits cuts the texts of one more entry of a list and says whether there is room for it; if not, it is counted as left out, as are all
// that follow.
func (r *report) fits(list string, texts ...*string) bool {
	n := entryBytes
	for _, s := range texts {
		if len(*s) > maxReportText {
			*s = strings.ToValidUTF8((*s)[:maxReportText], "") + "…"
		}
		n += len(*s)
	}
	if r.Omitted[list] == 0 && n <= r.room {
		r.room -= n
		return true
	}
	if r.Omitted == nil {
		r.Omitted = map[string]int{}
	}
	r.Omitted[list]++
	return false
}

// worldItem is one import or export of the world.
type worldItem struct {
	Name  string   `json:"name"`
	Sort  string   `json:"sort"` // instance, func, type, component, module, value
	Funcs []string `json:"funcs,omitempty"`
}

type nested struct {
	Path       string `json:"path"`
	Size       int    `json:"size"`
	Imports    int    `json:"imports"`
	Exports    int    `json:"exports"`
	Modules    int    `json:"modules"`
	Components int    `json:"components"`
}

type module struct {
	Path     string   `json:"path"` // of the component that holds it
	Size     int      `json:"size"`
	Imports  int      `json:"imports"`
	Exports  int      `json:"exports"`
	Start    bool     `json:"start"`
	Features []string `json:"features,omitempty"`
	Problem  string   `json:"problem,omitempty"`
}

type boundaryEntry struct {
	Kind      string `json:"kind"`
	Caller    string `json:"caller"`
	Callee    string `json:"callee"`
	Interface string `json:"interface,omitempty"`
	Func      string `json:"func"`
	Type      string `json:"type"`
}

// examine reports on a component's bytes. It compiles and runs nothing. The error is that of bytes that are no valid
// component; a component that is valid and cannot be run is reported, with the reasons.
func examine(ctx context.Context, engine *component.Engine, name string, wasm []byte) (*report, error) {
	sum := sha256.Sum256(wasm)
	r := &report{room: maxReport, Name: name, Size: len(wasm), Digest: "sha256:" + hex.EncodeToString(sum[:]),
		Imports: []worldItem{}, Exports: []worldItem{}, Components: []nested{}, Modules: []module{}, Boundaries: []boundaryEntry{}}
	def, err := binary.Decode(wasm)
	if err != nil {
		return nil, err
	}
	c, err := engine.Load(ctx, name, wasm)
	if err != nil {
		return nil, err
	}
	boundaries, err := c.Boundaries()
	if err != nil {
		r.Problem = err.Error()
	} else if r.Unsupported, err = c.Unsupported(); err != nil {
		r.Problem = err.Error()
	}
	var fixed *component.ResetError
	if errors.As(c.Resettable(), &fixed) {
		r.Reset = fixed.Reason + ": " + fixed.Detail
	}
	r.world(def, boundaries)
	features := map[string]bool{}
	r.walk(def, name, features)
	r.Features = slices.Sorted(maps.Keys(features))
	for _, b := range boundaries {
		e := boundaryEntry{Kind: b.Kind.String(), Caller: string(b.Caller), Callee: string(b.Callee), Func: b.Func, Type: b.Type.String()}
		if b.Interface.Interface != "" {
			e.Interface = b.Interface.String()
		}
		if r.fits("boundaries", &e.Caller, &e.Callee, &e.Func, &e.Interface, &e.Type) {
			r.Boundaries = append(r.Boundaries, e)
		}
	}
	return r, nil
}

// world lists imports and exports as the file has them, with the functions that cross there.
func (r *report) world(def *binary.Component, boundaries []*cm.Boundary) {
	funcs := map[string]map[string]string{} // kind and interface → function → type
	for _, b := range boundaries {
		key := b.Kind.String() + " " + b.Interface.String()
		if funcs[key] == nil {
			funcs[key] = map[string]string{}
		}
		if funcs[key][b.Func] == "" {
			funcs[key][b.Func] = signature(b.Type)
		}
	}
	item := func(kind cm.BoundaryKind, name string, s binary.Sort) worldItem {
		w := worldItem{Name: name, Sort: sortName(s)}
		found := funcs[kind.String()+" "+name]
		if s == binary.SortFunc {
			if t, ok := funcs[kind.String()+" "][name]; ok {
				found = map[string]string{name: t}
			}
		}
		for _, f := range slices.Sorted(maps.Keys(found)) {
			if text := f + ": " + found[f]; r.fits("functions", &text) {
				w.Funcs = append(w.Funcs, text)
			}
		}
		return w
	}
	for _, d := range def.Defs {
		switch d := d.(type) {
		case *binary.Import:
			if i := item(cm.GuestToHost, d.Name.Name, d.Desc.Sort); r.fits("imports", &i.Name) {
				r.Imports = append(r.Imports, i)
			}
		case *binary.Export:
			if i := item(cm.HostToGuest, d.Name.Name, d.Sort); r.fits("exports", &i.Name) {
				r.Exports = append(r.Exports, i)
			}
		}
	}
}

// maxNested bounds a component's part of its path, as paths of instances are bounded.
const maxNested = 128

// walk lists the core modules and nested components below c. Components without core modules or components of their own
// only rename exports, as wit-component makes them for each exported interface, and are left out.
func (r *report) walk(c *binary.Component, path string, features map[string]bool) {
	n := 0
	for _, d := range c.Defs {
		switch d := d.(type) {
		case *binary.CoreModule:
			m := module{Path: path, Size: len(d.Bytes)}
			info, err := core.Inspect(d.Bytes)
			if err != nil {
				m.Problem = err.Error()
			} else {
				m.Imports, m.Exports, m.Start, m.Features = len(info.Imports), len(info.Exports), info.HasStart, info.Features
				for _, f := range info.Features {
					features[f] = true
				}
			}
			if r.fits("modules", &m.Path, &m.Problem) {
				r.Modules = append(r.Modules, m)
			}
		case *binary.NestedComponent:
			name := d.Component.Names.Component
			if name == "" {
				name = "component-" + itoa(n)
			}
			n++
			if len(name) > maxNested {
				name = strings.ToValidUTF8(name[:maxNested], "") + "…"
			}
			in := nested{Path: path + "/" + name, Size: d.Component.Size}
			for _, x := range d.Component.Defs {
				switch x.(type) {
				case *binary.Import:
					in.Imports++
				case *binary.Export:
					in.Exports++
				case *binary.CoreModule:
					in.Modules++
				case *binary.NestedComponent:
					in.Components++
				}
			}
			if in.Modules+in.Components > 0 && r.fits("components", &in.Path) {
				r.Components = append(r.Components, in)
			}
			r.walk(d.Component, in.Path, features)
		}
	}
}

func sortName(s binary.Sort) string {
	switch s {
	case binary.SortCoreModule:
		return "module"
	case binary.SortFunc:
		return "func"
	case binary.SortValue:
		return "value"
	case binary.SortType:
		return "type"
	case binary.SortComponent:
		return "component"
	case binary.SortInstance:
		return "instance"
	}
	return "item"
}
