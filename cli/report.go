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

// report is the output of `vitrine inspect --json`.
type report struct {
	Artifact    *artifactReport `json:"artifact,omitempty"` // nil for a file
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
	// Omitted counts the entries that are left out of each list because of the bounds, by the list's name ("boundaries").
	Omitted map[string]int `json:"omitted,omitempty"`

	remaining int // bytes that the report may still take
}

// Bounds of a report: a small file can repeat a few long names very often.
const (
	maxReport     = 4 << 20 // bytes of names and types
	maxReportText = 2 << 10 // bytes of one of them
	entryBytes    = 64      // what an entry counts besides its texts
)

// fits cuts the texts of a list's next entry and says whether the report has room for it. If not, it counts this entry and
// all that follow in Omitted.
func (r *report) fits(list string, texts ...*string) bool {
	n := entryBytes
	for _, s := range texts {
		if len(*s) > maxReportText {
			*s = strings.ToValidUTF8((*s)[:maxReportText], "") + "…"
		}
		n += len(*s)
	}
	if r.Omitted[list] == 0 && n <= r.remaining {
		r.remaining -= n
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

// newReport reports on a component's bytes. It compiles and runs nothing. It fails for bytes that are no valid component; the
// report of a valid component that cannot be run has the reasons.
func newReport(ctx context.Context, engine *component.Engine, name string, wasm []byte) (*report, error) {
	sum := sha256.Sum256(wasm)
	r := &report{remaining: maxReport, Name: name, Size: len(wasm), Digest: "sha256:" + hex.EncodeToString(sum[:]),
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
	r.addWorld(def, boundaries)
	features := map[string]bool{}
	r.addNested(def, name, features)
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

// addWorld lists imports and exports as the file has them, with their functions.
func (r *report) addWorld(def *binary.Component, boundaries []*cm.Boundary) {
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

// maxPathElement bounds a nested component's name in a path, in bytes, as paths of instances are bounded.
const maxPathElement = 128

// addNested lists the core modules and nested components of c, at any depth. It leaves out components that hold neither: they
// only rename exports, and wit-component makes one for each exported interface.
func (r *report) addNested(c *binary.Component, path string, features map[string]bool) {
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
			if len(name) > maxPathElement {
				name = strings.ToValidUTF8(name[:maxPathElement], "") + "…"
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
			r.addNested(d.Component, in.Path, features)
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
