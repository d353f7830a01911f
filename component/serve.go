package component

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Serve defines the exports of a running instance as the instance name, for components that are linked afterwards; it replaces an
// earlier definition of that name. Each component keeps its store; calls from one into the other are like calls of the host. The goroutine that is inside a store which imports from i is inside i's store, too: all of them together
// have one goroutine at a time. Close i last.
func (l *Linker) Serve(name string, i *Instance) {
	id, err := wit.ParseID(name)
	if err != nil {
		id = wit.InterfaceID{Interface: name}
	}
	for k := range i.linked.linked.Program.Exports {
		x := &i.linked.linked.Program.Exports[k]
		if x.Name == "" {
			l.serve(id, i, x)
		} else {
			l.serve(nested(id, x.Name), i, x)
		}
	}
}

// nested names an instance inside an instance, as the planner does.
func nested(outer wit.InterfaceID, name string) wit.InterfaceID {
	return wit.InterfaceID{Interface: outer.Interface + "." + name}
}

func (l *Linker) serve(id wit.InterfaceID, i *Instance, x *plan.Export) {
	delete(l.hosts, id.Unversioned())
	h := l.Instance(id)
	for k := range x.Funcs {
		f := &Func{i, &x.Funcs[k]}
		h.define(f.def.Name, hostFunc{typ: f.def.Type, from: i, call: func(ctx context.Context, args []cm.Val) (cm.Val, error) {
			return f.Call(ctx, args...)
		}})
	}
	for _, t := range x.Types {
		if t.Resource != nil {
			h.Resource(t.Name, i.store.Resource(t.Resource.Slot))
		}
	}
	for _, m := range x.Modules {
		h.Module(m.Name, m.Bytes)
	}
	for k := range x.Instances {
		l.serve(nested(id, x.Instances[k].Name), i, &x.Instances[k])
	}
}
