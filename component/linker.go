package component

import (
	"context"
	"fmt"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Linker gives components what they import. Define everything first, then Link any number of components; a Linker is
// not safe for concurrent definition, and safe for concurrent Link.
type Linker struct {
	engine      *Engine
	interceptor cm.Interceptor
	// hosts holds the definitions by unversioned name: compatible versions meet here.
	hosts   map[wit.InterfaceID][]*HostInstance
	aliases versionAliases
	errs    []error
}

// NewLinker makes an empty linker; i may be nil.
func (e *Engine) NewLinker(i cm.Interceptor) *Linker {
	return &Linker{engine: e, interceptor: i, hosts: map[wit.InterfaceID][]*HostInstance{}}
}

// versionAliases are versions by {namespace, alias}.
type versionAliases map[[2]string]string

// AliasVersion makes version alias of a namespace's interfaces another name of version of, though the two are not compatible by the
// rules of versions: a pre-release with the same interfaces. Imports of version alias are served by the definitions of version of, and exports
// of it are found as of. Where version alias is defined itself, its own definitions count.
func (l *Linker) AliasVersion(namespace, alias, of string) {
	if l.aliases == nil {
		l.aliases = versionAliases{}
	}
	l.aliases[[2]string{namespace, alias}] = of
}

// resolve returns the ID that id is an alias of.
func (a versionAliases) resolve(id wit.InterfaceID) (of wit.InterfaceID, ok bool) {
	version, ok := a[[2]string{id.Namespace, id.Version}]
	if ok {
		id.Version = version
	}
	return id, ok
}

// Interceptor is the one that the linker was made with; nil if none.
func (l *Linker) Interceptor() cm.Interceptor { return l.interceptor }

// Instance begins or continues the definition of an interface. The zero ID is the root of the world.
func (l *Linker) Instance(id wit.InterfaceID) *HostInstance {
	key := id.Unversioned()
	for _, h := range l.hosts[key] {
		if h.id == id {
			return h
		}
	}
	h := &HostInstance{linker: l, id: id, funcs: map[string]hostFunc{}, resources: map[string]*cm.ResourceType{}, modules: map[string][]byte{}}
	l.hosts[key] = append(l.hosts[key], h)
	return h
}

// Definitions are the names of all that is defined, in order: "wasi:io/poll@0.2.12#poll" for a function,
// "wasi:io/poll@0.2.12.pollable" for a resource or core module.
func (l *Linker) Definitions() []string {
	var all []string
	for _, hs := range l.hosts {
		for _, h := range hs {
			for name := range h.funcs {
				all = append(all, h.id.String()+"#"+name)
			}
			for name := range h.resources {
				all = append(all, h.id.String()+"."+name)
			}
			for name := range h.modules {
				all = append(all, h.id.String()+"."+name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// HostInstance is one interface that the host serves. Defining a name twice is an error at Link.
type HostInstance struct {
	linker    *Linker
	id        wit.InterfaceID
	funcs     map[string]hostFunc
	resources map[string]*cm.ResourceType
	modules   map[string][]byte
}

// hostFunc is one function: typ is nil where the component's type decides (GoFunc). from is the instance whose plan typ
// belongs to, if it is not the host's.
type hostFunc struct {
	typ          *cm.FuncType
	call         cm.HostFunc // nil if it is in parts
	parts        func(ctx context.Context, args []cm.Val) (cm.Work, error)
	borrowsBytes bool // see cm.HostDef
	bind         func(*cm.FuncType) (hostFunc, error)
	from         *Instance
}

// Func defines a function. A parameter without a name in t serves one of any name.
func (h *HostInstance) Func(name string, t *cm.FuncType, f cm.HostFunc) {
	h.define(name, hostFunc{typ: t, call: f})
}

// Define defines a function of a generated binding. The work of a function in parts is done outside the guest's store, while
// its caller waits or, if it has called asynchronously, goes on.
func (h *HostInstance) Define(d cm.HostDef) {
	if d.Parts != nil && (d.Func != nil || d.BorrowsBytes) {
		h.linker.errs = append(h.linker.errs, fmt.Errorf(
			"host defines %s#%s in parts, and as one function or with BorrowsBytes: it can have one form, and its work outlives the bytes that it would borrow", h.id, d.Name))
	}
	h.define(d.Name, hostFunc{typ: d.Type, call: d.Func, parts: d.Parts, borrowsBytes: d.BorrowsBytes})
}

// GoFunc defines a function from a Go function: parameters and result are Go values as [Func.Invoke] has them, with an
// optional leading context.Context and an optional trailing error. The component's own type decides; a mismatch is found
// at Link. If that type is async, f may block, and its context ends when the guest cancels the call; it runs outside the
// guest's store, and may read the streams and futures among its arguments and write those of its result ([cm.NewStream]). A
// function whose type is not async has to pass them to a goroutine of its own.
func (h *HostInstance) GoFunc(name string, f any) {
	h.define(name, hostFunc{bind: func(t *cm.FuncType) (bound hostFunc, err error) {
		if t.Async {
			bound.parts, err = cm.GoHostParts(t, f)
		} else {
			bound.call, err = cm.GoHostFunc(t, f)
		}
		return bound, err
	}})
}

func (h *HostInstance) define(name string, f hostFunc) {
	if _, dup := h.funcs[name]; dup {
		h.linker.errs = append(h.linker.errs, fmt.Errorf("host defines %s#%s twice", h.id, name))
	}
	h.funcs[name] = f
}

// Resource defines a resource type.
func (h *HostInstance) Resource(name string, t *cm.ResourceType) {
	if _, dup := h.resources[name]; dup {
		h.linker.errs = append(h.linker.errs, fmt.Errorf("host defines resource %s.%s twice", h.id, name))
	}
	h.resources[name] = t
}

// has says whether something is defined under a name.
func (h *HostInstance) has(name string) bool {
	_, f := h.funcs[name]
	_, r := h.resources[name]
	_, m := h.modules[name]
	return f || r || m
}

// Module defines a core module, which a component may import to instantiate it.
func (h *HostInstance) Module(name string, wasm []byte) {
	if _, dup := h.modules[name]; dup {
		h.linker.errs = append(h.linker.errs, fmt.Errorf("host defines core module %s.%s twice", h.id, name))
	}
	h.modules[name] = wasm
}

// module finds a core module among the definitions.
func (l *Linker) module(id wit.InterfaceID, name string) []byte {
	for _, h := range l.candidates(id) {
		if m, ok := h.modules[name]; ok {
			return m
		}
	}
	return nil
}

// candidates are the definitions that may serve an import: the exact version first, then compatible ones, newest first.
func (l *Linker) candidates(want wit.InterfaceID) []*HostInstance {
	out := l.compatible(want)
	if of, ok := l.aliases.resolve(want); ok && len(out) == 0 {
		out = l.compatible(of)
	}
	return out
}

func (l *Linker) compatible(want wit.InterfaceID) []*HostInstance {
	var out []*HostInstance
	for _, h := range l.hosts[want.Unversioned()] {
		if wit.Compatible(want.Version, h.id.Version) {
			out = append(out, h)
		}
	}
	slices.SortStableFunc(out, func(a, b *HostInstance) int {
		switch {
		case a.id == want:
			return -1
		case b.id == want:
			return 1
		}
		return wit.CompareVersions(b.id.Version, a.id.Version)
	})
	return out
}

// Link plans and compiles a component, checks each import against what is defined (name, version, type), and binds the
// interceptor to each boundary. All missing and ill-typed imports are in the one error, a *LinkError.
func (l *Linker) Link(ctx context.Context, c *Component) (*Linked, error) {
	if len(l.errs) > 0 {
		return nil, l.errs[0]
	}
	for _, own := range c.linkers {
		if len(own.errs) > 0 {
			return nil, own.errs[0]
		}
	}
	_, end := cm.Begin(ctx, l.interceptor, &cm.Operation{Name: "plan", Component: cm.Path(c.name)})
	p, err := c.plan(l.module)
	end(err)
	if err != nil {
		return nil, err
	}
	ctx, end = cm.Begin(ctx, l.interceptor, &cm.Operation{Name: "link", Component: cm.Path(c.name)})
	out, err := l.link(ctx, c, p)
	end(err)
	return out, err
}
