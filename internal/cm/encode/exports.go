package encode

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// export is an interface that the component exports, or all functions of the world that it does.
type export struct {
	iface  *wit.Interface // nil for the world's functions
	module string         // its name in the module
	funcs  []*wit.Func
	lifts  map[string]lift // by function
	types  *typer
}

// lift is how the module exports a function.
type lift struct {
	core, post, callback string
	async                bool
	adapted              bool // the adapter's function
}

func (x *export) find(name string) *wit.Func {
	for _, f := range x.funcs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// readExports finds out what the module exports, and whether it is all that it should.
func (e *encoder) readExports() error {
	found := map[string]map[string]lift{} // by interface and function
	var order []string
	has := map[string]bool{}
	for _, x := range e.main.module.Exports {
		has[x.Name] = x.Sort == binary.SortCoreFunc
	}
	for _, x := range e.main.module.Exports {
		if x.Sort != binary.SortCoreFunc || strings.HasPrefix(x.Name, "cabi_") || strings.HasPrefix(x.Name, "[callback]") {
			continue
		}
		l := lift{core: x.Name}
		name, stackful := strings.CutPrefix(x.Name, "[async-lift-stackful]")
		name, async := strings.CutPrefix(name, "[async-lift]")
		if l.async = async || stackful; async {
			if l.callback = "[callback]" + x.Name; !has[l.callback] {
				return fmt.Errorf("the module exports %q without its callback, %q", x.Name, l.callback)
			}
		}
		if post := "cabi_post_" + name; has[post] {
			l.post = post
		}
		module, f, ok := strings.Cut(name, "#")
		if !ok {
			module, f = root, name
		}
		if found[module] == nil {
			found[module] = map[string]lift{}
			order = append(order, module)
		}
		found[module][f] = l
	}
	if e.World != nil {
		return e.exportWorld(found)
	}
	for _, module := range order {
		if module == root {
			continue
		}
		if err := e.exportInterface(module, found[module]); err != nil {
			return err
		}
	}
	if has["_start"] && !has["_initialize"] {
		return e.exportCommand()
	}
	if len(e.exports) == 0 {
		return fmt.Errorf("the module exports nothing that a component could: no function of an interface (ns:package/interface#function) and no _start; "+
			"functions with plain names are those of a world: name it with --world (it exports %s)", listed(has))
	}
	return nil
}

// exportInterface adds an interface that the module exports.
func (e *encoder) exportInterface(module string, lifts map[string]lift) error {
	i, err := e.lookup(module, true)
	if err != nil {
		return fmt.Errorf("the module exports %s: %w", module, err)
	}
	x := export{iface: i, module: module, funcs: i.AllFuncs(), lifts: lifts}
	for _, f := range x.funcs {
		if _, ok := lifts[f.Name]; !ok {
			return fmt.Errorf("the module exports %s without its function %q", module, f.Name)
		}
	}
	e.exports = append(e.exports, x)
	return nil
}

// exportWorld adds what the world exports.
func (e *encoder) exportWorld(found map[string]map[string]lift) error {
	own := export{module: root, lifts: found[root]}
	var missing, others []string
	for name := range found {
		i, err := e.lookup(name, true)
		if name != root && (err != nil || !slices.ContainsFunc(e.World.Exports, func(x wit.Extern) bool { return x.Interface != nil && x.Interface == i })) {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("the module exports %s, and the world %s does not: add them to the world, or leave them out of the module", strings.Join(others, ", "), e.World.ID())
	}
	for _, x := range e.World.Exports {
		switch {
		case x.Func != nil:
			if _, ok := found[root][x.Func.Name]; !ok {
				missing = append(missing, x.Func.Name)
			}
			own.funcs = append(own.funcs, x.Func)
		case x.Interface != nil:
			module := e.nameOf(x.Interface)
			lifts := found[module]
			for name := range found {
				if i, err := e.lookup(name, true); err == nil && i == x.Interface {
					module, lifts = name, found[name]
				}
			}
			if lifts == nil && len(x.Interface.AllFuncs()) > 0 {
				if isRun(x.Interface) && found[root]["_start"].core != "" {
					if err := e.exportCommand(); err != nil {
						return err
					}
					continue
				}
				missing = append(missing, e.nameOf(x.Interface))
				continue
			}
			if err := e.exportInterface(module, lifts); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the world %s exports %s, and the module does not", e.World.ID(), strings.Join(missing, ", "))
	}
	if len(own.funcs) > 0 {
		e.exports = append(e.exports, own)
	}
	return nil
}

// isRun says whether the adapter has the functions of an interface: those of wasi:cli/run 0.2.
func isRun(i *wit.Interface) bool {
	return i.ID.Namespace == "wasi" && i.ID.Package == "cli" && i.ID.Interface == "run" && strings.HasPrefix(i.ID.Version, "0.2.")
}

// exportCommand adds wasi:cli/run for a module that has a main function as WASI 0.1 has it.
func (e *encoder) exportCommand() error {
	i := e.Set.Interface(wit.InterfaceID{Namespace: "wasi", Package: "cli", Interface: "run", Version: adapterVersion})
	if i == nil {
		return fmt.Errorf("the module is a program, and the WIT has no wasi:cli/run@%s: give it with --wit", adapterVersion)
	}
	e.exports = append(e.exports, export{iface: i, module: i.ID.String(), funcs: i.AllFuncs(), lifts: map[string]lift{"run": {core: adapterRun, adapted: true}}})
	return nil
}

// ordered are the exports, each after those whose types it uses.
func (e *encoder) ordered() (all []*export) {
	var visit func(*export)
	visit = func(x *export) {
		if slices.Contains(all, x) {
			return
		}
		if x.iface != nil {
			for _, t := range x.iface.Types {
				if t.From == nil {
					continue
				}
				for i := range e.exports {
					if y := &e.exports[i]; y != x && y.iface != nil && y.iface == t.Elem.Interface {
						visit(y)
					}
				}
			}
		}
		all = append(all, x)
	}
	for i := range e.exports {
		visit(&e.exports[i])
	}
	return all
}

// exporting finds the export of an interface.
func (e *encoder) exporting(i *wit.Interface) *export {
	for k := range e.exports {
		if x := &e.exports[k]; x.iface == i && i != nil {
			return x
		}
	}
	return nil
}

// exportTypes are the types of an exported interface, in the component.
func (e *encoder) exportTypes(x *export) *typer {
	switch {
	case x.iface == nil:
		return e.types
	case x.types == nil:
		var y *typer
		y = newTyper(e.addType, func(t *wit.Type) uint32 {
			switch other := e.exporting(t.Interface); {
			case other == nil:
				return e.types.index(t)
			case other != x:
				return e.exportTypes(other).index(t)
			case t.Kind == wit.Resource:
				return e.resources[t]
			}
			return y.base(t)
		})
		x.types = y
	}
	return x.types
}

// reserveDestructors gives a slot to the destructor of each resource that the module implements: the resource has to be there before the
// module's instance is.
func (e *encoder) reserveDestructors() {
	for i := range e.exports {
		x := &e.exports[i]
		if x.iface == nil {
			continue
		}
		for _, t := range x.iface.Types {
			if _, ok := x.lifts["[dtor]"+t.Name]; ok && t.Kind == wit.Resource {
				name := x.lifts["[dtor]"+t.Name].core
				e.destructors[t] = e.slot(&binary.CoreFuncType{Params: []binary.CoreValType{0x7f}}, func() (uint32, error) {
					return e.coreExport(e.main.instance, binary.SortCoreFunc, name), nil
				})
			}
		}
	}
}

// makeResources makes the types of the resources that the module implements.
func (e *encoder) makeResources() {
	for i := range e.exports {
		x := &e.exports[i]
		if x.iface == nil {
			continue
		}
		for _, t := range x.iface.Types {
			if t.Kind != wit.Resource {
				continue
			}
			d := &binary.ResourceDef{Rep: 0x7f, Dtor: -1, Callback: -1}
			if slot, ok := e.destructors[t]; ok {
				d.Dtor = int(e.inSlot(slot))
			}
			e.resources[t] = e.addType(&binary.TypeDef{Resource: d})
		}
	}
}

// lift makes a component function of the module's.
func (e *encoder) lift(x *export, f *wit.Func) (uint32, error) {
	l := x.lifts[f.Name]
	from := &e.main
	if l.adapted {
		from = e.adapter
	}
	if f.Async && !l.async {
		return 0, fmt.Errorf("%s#%s is an async func, and the module exports it as one that is not: it has to export %q",
			x.module, f.Name, "[async-lift]"+l.core)
	}
	opts, err := from.options(e.shapes.lifting(f))
	if err != nil {
		return 0, fmt.Errorf("the export %q: %w", l.core, err)
	}
	t := e.exportTypes(x).function(f)
	core := e.coreExport(from.instance, binary.SortCoreFunc, l.core)
	if opts.Async = l.async; l.callback != "" {
		opts.Callback = int(e.coreExport(from.instance, binary.SortCoreFunc, l.callback))
	}
	if l.post != "" && !l.async {
		opts.PostReturn = int(e.coreExport(from.instance, binary.SortCoreFunc, l.post))
	}
	return e.add(binary.SortFunc, &binary.Canon{Op: binary.OpLift, Func: core, Type: t, Opts: opts}), nil
}

// export exports an interface, or the functions of the world.
func (e *encoder) export(x *export) error {
	var lifted []uint32
	for _, f := range x.funcs {
		i, err := e.lift(x, f)
		if err != nil {
			return err
		}
		lifted = append(lifted, i)
	}
	if x.iface == nil {
		for k, f := range x.funcs {
			e.add(binary.SortFunc, &binary.Export{Name: binary.Name{Name: f.Name}, SortIndex: binary.SortIndex{Sort: binary.SortFunc, Index: lifted[k]}})
		}
		return nil
	}
	inner, args := e.wrapper(x, lifted)
	nested := e.add(binary.SortComponent, &binary.NestedComponent{Component: inner})
	instance := e.add(binary.SortInstance, &binary.Instance{Component: int(nested), Args: args})
	e.exported[x.iface] = e.add(binary.SortInstance, &binary.Export{
		Name: binary.Name{Name: e.nameOf(x.iface)}, SortIndex: binary.SortIndex{Sort: binary.SortInstance, Index: instance},
	})
	return nil
}

// listed are the names of functions, for messages.
func listed(functions map[string]bool) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if functions[name] {
			names = append(names, strconv.Quote(name))
		}
	}
	if len(names) == 0 {
		return "no function"
	}
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return strings.Join(names, ", ")
}
