package plan

import (
	"fmt"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// coreInstance instantiates a core module, or bundles core items.
func (p *planner) coreInstance(s *scope, d *binary.CoreInstance) error {
	if d.Module < 0 {
		c := &coreInst{module: -1, items: make(map[string]coreItem, len(d.Exports))}
		for _, e := range d.Exports {
			c.items[e.Name] = s.coreAt(e.Sort, e.Index)
		}
		s.coreInsts = append(s.coreInsts, c)
		return nil
	}
	mod := s.mods[d.Module]
	if mod.bytes == nil { // such a program is never linked: the core instance is not needed
		s.coreInsts = append(s.coreInsts, &coreInst{module: len(p.Modules)})
		p.Modules, p.imports = append(p.Modules, Module{Name: mod.name, Instance: s.instance}), append(p.imports, nil)
		return nil
	}
	imports, err := p.coreImports(mod.bytes)
	if err != nil {
		return fmt.Errorf("%s: core module %q: %w", s.path, mod.name, err)
	}
	args := make(map[string]*coreInst, len(d.Args))
	for _, a := range d.Args {
		args[a.Name] = s.coreInsts[a.Instance]
	}
	m := Module{Name: mod.name, Bytes: mod.bytes, Instance: s.instance, Slots: make([]Slot, len(imports))}
	for i, im := range imports {
		from := args[im.Module]
		if from == nil { // the validator has checked this; it is for a module that it could not read
			return fmt.Errorf("%s: core module %q: no argument %q", s.path, mod.name, im.Module)
		}
		m.Slots[i] = m.slot(from.export(im.Field))
	}
	s.coreInsts = append(s.coreInsts, &coreInst{module: len(p.Modules)})
	p.Modules, p.imports = append(p.Modules, m), append(p.imports, imports)
	return nil
}

// slot finds or adds the source that an item comes from.
func (m *Module) slot(c coreItem) Slot {
	field := c.item.Name
	if c.item.Module == HostSource {
		field = TrampolineName(c.tramp)
	}
	for i, src := range m.Sources {
		if src == c.item.Module {
			return Slot{i, field}
		}
	}
	m.Sources = append(m.Sources, c.item.Module)
	return Slot{len(m.Sources) - 1, field}
}

// TrampolineName is the name that trampoline number i has in the host module.
func TrampolineName(i int) string { return "t" + strconv.Itoa(i) }

// coreFunc gives the index of a core function among those that canonical definitions use.
func (p *planner) coreFunc(c coreItem) int {
	f := CoreFunc{c.item, c.tramp}
	if i, ok := p.funcIndex[f]; ok {
		return i
	}
	if p.funcIndex == nil {
		p.funcIndex = map[CoreFunc]int{}
	}
	p.funcIndex[f] = len(p.Funcs)
	p.Funcs = append(p.Funcs, f)
	return len(p.Funcs) - 1
}

func (p *planner) memory(c coreItem) int {
	if i, ok := p.memIndex[c.item]; ok {
		return i
	}
	if p.memIndex == nil {
		p.memIndex = map[CoreItem]int{}
	}
	p.memIndex[c.item] = len(p.Memories)
	p.Memories = append(p.Memories, c.item)
	return len(p.Memories) - 1
}

func (p *planner) options(s *scope, o *binary.CanonOpts) Options {
	fn := func(i int) int {
		if i < 0 {
			return -1
		}
		return p.coreFunc(s.coreFuncs[i])
	}
	out := Options{Encoding: o.Encoding, Memory: -1, Realloc: fn(o.Realloc), PostReturn: fn(o.PostReturn), Callback: fn(o.Callback), Async: o.Async}
	if o.Memory >= 0 {
		out.Memory = p.memory(s.coreMems[o.Memory])
	}
	return out
}

// canon carries out a canonical definition: a lift becomes a component function, anything else a trampoline.
func (p *planner) canon(s *scope, d *binary.Canon) {
	if d.Op == binary.OpLift {
		p.Lifts = append(p.Lifts, Lift{
			Instance: s.instance, Func: p.coreFunc(s.coreFuncs[d.Func]), Type: s.types[d.Type].fn, Options: p.options(s, &d.Opts),
		})
		s.funcs = append(s.funcs, &funcItem{typ: s.types[d.Type].fn, lift: len(p.Lifts) - 1})
		return
	}
	t := Trampoline{
		Kind: BuiltIn, Op: d.Op, Instance: s.instance, Lift: -1, Resource: -1, Slot: int(d.Slot), Cancellable: d.Cancellable,
		Options: Options{Memory: -1, Realloc: -1, PostReturn: -1, Callback: -1},
	}
	switch d.Op {
	case binary.OpLower:
		p.lower(s, d, &t)
	case binary.OpResourceNew, binary.OpResourceRep, binary.OpResourceDrop:
		t.Resource = s.types[d.Type].res.Slot
	case binary.OpTaskReturn:
		t.Options, t.Value = p.options(s, &d.Opts), p.ref(s, d.Result)
	case binary.OpStreamNew, binary.OpStreamRead, binary.OpStreamWrite, binary.OpStreamCancelRead, binary.OpStreamCancelWrite,
		binary.OpStreamDropReadable, binary.OpStreamDropWritable,
		binary.OpFutureNew, binary.OpFutureRead, binary.OpFutureWrite, binary.OpFutureCancelRead, binary.OpFutureCancelWrite,
		binary.OpFutureDropReadable, binary.OpFutureDropWritable:
		t.Options, t.Value = p.options(s, &d.Opts), s.types[d.Type].val
	case binary.OpErrorContextNew, binary.OpErrorContextDebugMessage:
		t.Options = p.options(s, &d.Opts)
	case binary.OpWaitableSetWait, binary.OpWaitableSetPoll:
		t.Memory = p.memory(s.coreMems[d.Memory])
	case binary.OpThreadNewIndirect:
		t.Table = s.coreTables[d.Table].item
	}
	t.Async = t.Async || d.Async
	s.coreFuncs = append(s.coreFuncs, coreItem{item: CoreItem{Module: HostSource}, tramp: len(p.Trampolines)})
	p.Trampolines = append(p.Trampolines, t)
}

// lower makes a function of the host's, or of another component instance, one of a core module's imports.
func (p *planner) lower(s *scope, d *binary.Canon, t *Trampoline) {
	f := s.funcs[d.Func]
	t.Type, t.Options = f.typ, p.options(s, &d.Opts)
	name := f.name
	if name == "" {
		name = "function"
	}
	if f.remote {
		t.Kind, t.Import = LowerHost, f.imp
		p.Imports[f.imp.Import].Funcs[f.imp.Func].Used = true
		t.Boundary = p.boundary(cm.GuestToHost, s.path, "host", f.iface, name, f.typ)
		return
	}
	t.Kind, t.Lift = LowerLift, f.lift
	t.Boundary = p.boundary(cm.GuestToGuest, s.path, p.Instances[p.Lifts[f.lift].Instance].Path, f.iface, name, f.shown())
}
