package component

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/instance"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/wit"
)

// LinkError has everything that keeps a component from being linked.
type LinkError struct {
	Component string
	Problems  []LinkProblem
}

// LinkProblem is one import that cannot be served, or (Import empty) a feature that the engine does not run.
type LinkProblem struct {
	Importer     string // path of the component that imports it
	Import       string // "wasi:http/types@0.2.12", or with "#func"
	Wanted, Had  string
	Unsupported  string
	NearestNames []string // similar names that the host has
	Add          string   // the Go expression that defines Import, an interface of WASI which nothing here does; else empty
	AddFrom      string   // the packages that Add is of
}

// Error lists all problems, one a line.
func (e *LinkError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("component %s cannot be linked:\n  %s", e.Component, strings.Join(lines, "\n  "))
}

// String is "component cart: import x: wanted …, had …".
func (p LinkProblem) String() string {
	if p.Unsupported != "" {
		return fmt.Sprintf("component %s: needs %s, which this version does not run", p.Importer, p.Unsupported)
	}
	s := fmt.Sprintf("component %s: import %s: wanted %s, had %s", p.Importer, p.Import, p.Wanted, p.Had)
	if len(p.NearestNames) > 0 {
		s += " (there is " + strings.Join(p.NearestNames, ", ") + ")"
	}
	if p.Add != "" {
		s += "; " + p.Add + " of " + p.AddFrom + " defines it"
	}
	return s
}

// resolver matches a program's imports with a linker's definitions.
type resolver struct {
	linker   *Linker
	own      map[string]*Linker // of parts
	program  *plan.Program
	chosen   []*HostInstance // by import
	types    map[int]*cm.ResourceType
	funcs    map[plan.ImportRef]instance.HostFunc
	problems []LinkProblem
}

func (l *Linker) resolve(c *Component, p *plan.Program) (instance.Host, error) {
	r := &resolver{
		linker: l, own: c.linkers, program: p, chosen: make([]*HostInstance, len(p.Imports)),
		types: map[int]*cm.ResourceType{}, funcs: map[plan.ImportRef]instance.HostFunc{},
	}
	for _, u := range p.Unsupported {
		r.problems = append(r.problems, LinkProblem{Importer: c.name, Unsupported: u})
	}
	for i := range p.Imports {
		r.choose(i)
	}
	for i := range p.Imports {
		r.check(i)
	}
	if len(r.problems) > 0 {
		return instance.Host{}, &LinkError{Component: c.name, Problems: r.problems}
	}
	return instance.Host{Func: func(ref plan.ImportRef) instance.HostFunc { return r.funcs[ref] }, Resources: r.types}, nil
}

// serving is the linker for what a part imports.
func (r *resolver) serving(im *plan.Import) *Linker {
	if l := r.own[string(im.Importer)]; l != nil {
		return l
	}
	return r.linker
}

// choose picks the definition that serves an import: the first candidate that has every name that is needed. Versions
// of a draft may have different functions under one name.
func (r *resolver) choose(i int) {
	im := &r.program.Imports[i]
	if im.Other != "" {
		r.problem(im, "", "a "+im.Other, "nothing: a host serves instances and functions", nil)
		return
	}
	candidates := r.serving(im).candidates(im.ID)
	var best *HostInstance
	missing := -1
	for _, h := range candidates {
		n := 0
		for _, f := range im.Funcs {
			if _, ok := h.funcs[f.Name]; !ok {
				n++
			}
		}
		for _, res := range im.Resources {
			if _, ok := h.resources[res.Name]; !ok {
				n++
			}
		}
		for _, m := range im.Modules {
			if _, ok := h.modules[m.Name]; !ok {
				n++
			}
		}
		if best == nil || n < missing {
			best, missing = h, n
		}
	}
	if best == nil {
		if len(im.Funcs)+len(im.Resources)+len(im.Modules) > 0 {
			r.missing(im)
		} else if root := r.linker.hosts[wit.InterfaceID{}]; len(root) > 0 && root[0].has(im.Name) {
			r.problem(im, "", "an instance", "something else under that name", nil)
		}
		return
	}
	r.chosen[i] = best
	for _, res := range im.Resources {
		if rt := best.resources[res.Name]; rt != nil {
			r.types[res.Slot] = rt
		} else {
			r.problem(im, res.Name, "a resource type", "nothing under that name", nil)
		}
	}
}

// missing reports an import that nothing serves.
func (r *resolver) missing(im *plan.Import) {
	if im.ID == (wit.InterfaceID{}) {
		want := "a resource type"
		switch {
		case len(im.Funcs) > 0:
			want = im.Funcs[0].Type.String()
		case len(im.Modules) > 0:
			want = "a core module"
		}
		r.problem(im, im.Name, want, "nothing under that name", nil)
		return
	}
	var near []string
	for key, hs := range r.serving(im).hosts {
		for _, h := range hs {
			if key == im.ID.Unversioned() || key.Interface == im.ID.Interface && key.Package == im.ID.Package {
				near = append(near, h.id.String())
			}
		}
	}
	sort.Strings(near)
	r.problem(im, "", fmt.Sprintf("an interface with %s", counts(len(im.Funcs), len(im.Resources))), "nothing under that name", near)
	last := &r.problems[len(r.problems)-1]
	last.Add, last.AddFrom = defining(im.ID)
}

func counts(funcs, resources int) string {
	s := plural(funcs, "function")
	if resources > 0 {
		s += " and " + plural(resources, "resource type")
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// check compares the functions of an import with those of the definition that serves it.
func (r *resolver) check(i int) {
	im, h := &r.program.Imports[i], r.chosen[i]
	if h == nil {
		return
	}
	for _, s := range im.Same {
		if rt, ok := h.resources[s.Name]; ok && rt != r.types[s.Slot] {
			r.problem(im, s.Name, "the resource type "+r.program.Resources[s.Slot].Type.Name, "another resource type", nil)
		}
	}
	for k := range im.Modules {
		m := &im.Modules[k]
		if m.Bytes == nil {
			r.problem(im, m.Name, "a core module", "nothing under that name", nil)
			continue
		}
		diff, unsupported := diffModule(m)
		switch {
		case unsupported != nil:
			r.problems = append(r.problems, LinkProblem{Importer: string(im.Importer), Unsupported: unsupported.Feature})
		case diff != "":
			r.problem(im, m.Name, "a core module of another type", diff, nil)
		}
	}
	for k, f := range im.Funcs {
		have, ok := h.funcs[f.Name]
		if !ok {
			r.problem(im, f.Name, f.Type.String(), "nothing under that name", nil)
			continue
		}
		same := r.sameResource
		if have.from != nil {
			same = func(want, had *cm.ResourceType) bool { return r.sameResource(want, have.from.store.Resource(had.Slot)) }
		}
		if have.bind != nil {
			var err error
			if have, err = have.bind(f.Type); err != nil {
				r.problem(im, f.Name, f.Type.String(), err.Error(), nil)
			}
		} else if diff := cm.DiffFunc(f.Type, nameParams(have.typ, f.Type), same); diff != "" {
			r.problem(im, f.Name, f.Type.String(), have.typ.String()+": "+diff, nil)
		}
		r.funcs[plan.ImportRef{Import: i, Func: k}] = instance.HostFunc{Call: have.call, Parts: have.parts, BorrowsBytes: have.borrowsBytes}
	}
}

// nameParams gives parameters without a name those of want.
func nameParams(t, want *cm.FuncType) *cm.FuncType {
	if len(t.Params) != len(want.Params) || !slices.ContainsFunc(t.Params, func(f cm.Field) bool { return f.Name == "" }) {
		return t
	}
	c := *t
	c.Params = slices.Clone(t.Params)
	for i := range c.Params {
		if c.Params[i].Name == "" {
			c.Params[i].Name = want.Params[i].Name
		}
	}
	return &c
}

func (r *resolver) sameResource(want, had *cm.ResourceType) bool { return r.types[want.Slot] == had }

func (r *resolver) problem(im *plan.Import, name, wanted, had string, near []string) {
	what := im.Name
	if name != "" && name != im.Name {
		what += "#" + name
	}
	r.problems = append(r.problems, LinkProblem{Importer: string(im.Importer), Import: what, Wanted: wanted, Had: had, NearestNames: near})
}

// IsLinkError finds the LinkError in err.
func IsLinkError(err error) (*LinkError, bool) {
	var e *LinkError
	ok := errors.As(err, &e)
	return e, ok
}
