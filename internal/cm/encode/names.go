package encode

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// This file knows how the tools of wit-bindgen name what a core module imports.

// rootBuiltins are the built-ins of a component without a type, by their names without [async-lower] and [cancellable].
var rootBuiltins = map[string]binary.Canon{
	"[waitable-set-new]":  {Op: binary.OpWaitableSetNew},
	"[waitable-set-wait]": {Op: binary.OpWaitableSetWait},
	"[waitable-set-poll]": {Op: binary.OpWaitableSetPoll},
	"[waitable-set-drop]": {Op: binary.OpWaitableSetDrop},
	"[waitable-join]":     {Op: binary.OpWaitableJoin},
	"[subtask-drop]":      {Op: binary.OpSubtaskDrop},
	"[subtask-cancel]":    {Op: binary.OpSubtaskCancel},
	"[task-cancel]":       {Op: binary.OpTaskCancel},
	"[backpressure-inc]":  {Op: binary.OpBackpressureInc},
	"[backpressure-dec]":  {Op: binary.OpBackpressureDec},
	"[context-get-0]":     {Op: binary.OpContextGet},
	"[context-set-0]":     {Op: binary.OpContextSet},
	"[context-get-1]":     {Op: binary.OpContextGet, Slot: 1},
	"[context-set-1]":     {Op: binary.OpContextSet, Slot: 1},
	"[thread-yield]":      {Op: binary.OpThreadYield},
	"[yield]":             {Op: binary.OpThreadYield},
	"[thread-index]":      {Op: binary.OpThreadIndex},
}

// endBuiltins are the built-ins of streams and futures, by what follows the type's kind in their names.
var endBuiltins = map[string][2]binary.CanonOp{
	"new":           {binary.OpStreamNew, binary.OpFutureNew},
	"read":          {binary.OpStreamRead, binary.OpFutureRead},
	"write":         {binary.OpStreamWrite, binary.OpFutureWrite},
	"cancel-read":   {binary.OpStreamCancelRead, binary.OpFutureCancelRead},
	"cancel-write":  {binary.OpStreamCancelWrite, binary.OpFutureCancelWrite},
	"drop-readable": {binary.OpStreamDropReadable, binary.OpFutureDropReadable},
	"drop-writable": {binary.OpStreamDropWritable, binary.OpFutureDropWritable},
}

const root = "$root"

// place is where the field of an import is looked up: in an interface that is imported or exported, or in the world.
type place struct {
	funcs  func(name string) *wit.Func
	types  func(name string) *wit.Type
	export *export // nil for imports
	typer  func() *typer
}

// understand finds out what an import is.
func (e *encoder) understand(of *side, i binary.CoreImport) (w want, err error) {
	w = want{module: i.Module, field: i.Field, typ: i.Desc.Type, slot: -1}
	if _, err := of.signature(i.Desc.Type); err != nil {
		return w, err
	}
	module, exported := strings.CutPrefix(i.Module, "[export]")
	field, async := strings.CutPrefix(meaning(i.Field), "[async-lower]")
	if module == root {
		bare, cancellable := strings.CutPrefix(field, "[cancellable]")
		if c, ok := rootBuiltins[bare]; ok {
			c.Async, c.Cancellable = async, cancellable
			w.needs.memory = c.Op == binary.OpWaitableSetWait || c.Op == binary.OpWaitableSetPoll
			w.make = func(s *side) (uint32, error) {
				c := c
				if w.needs.memory {
					if s.memory < 0 {
						return 0, errNoMemory
					}
					c.Memory = uint32(s.memory)
				}
				c.Opts = noOpts()
				return e.add(binary.SortCoreFunc, &c), nil
			}
			return w, nil
		}
	}
	if module == root && isEnd(field) && strings.HasSuffix(field, "-unit]") {
		return w, e.endBuiltin(&w, place{typer: func() *typer { return e.types }}, field, async)
	}
	p, err := e.place(module, exported)
	if err != nil {
		return w, err
	}
	if kind, name, ok := bracket(field, "resource-new", "resource-rep", "resource-drop"); ok {
		return w, e.resourceBuiltin(&w, p, kind, name)
	}
	if _, name, ok := bracket(field, "task-return"); ok && exported {
		return w, e.taskReturn(&w, p, name)
	}
	if isEnd(field) {
		return w, e.endBuiltin(&w, p, field, async)
	}
	if exported {
		return w, fmt.Errorf("there is no such built-in")
	}
	f := p.funcs(field)
	if f == nil {
		return w, fmt.Errorf("the WIT has no such function")
	}
	e.imported.funcs[f] = true
	e.imported.function(f)
	w.needs = e.shapes.lowering(f, async)
	w.make = func(s *side) (uint32, error) {
		opts, err := s.options(w.needs)
		if err != nil {
			return 0, err
		}
		opts.Async = async
		return e.add(binary.SortCoreFunc, &binary.Canon{Op: binary.OpLower, Func: e.funcIndex(f), Opts: opts}), nil
	}
	return w, nil
}

// isEnd says whether a built-in is one of streams or futures.
func isEnd(field string) bool {
	return strings.HasPrefix(field, "[stream-") || strings.HasPrefix(field, "[future-")
}

// bracket splits "[kind]name".
func bracket(s string, kinds ...string) (kind, name string, ok bool) {
	for _, k := range kinds {
		if name, ok := strings.CutPrefix(s, "["+k+"]"); ok {
			return k, name, true
		}
	}
	return "", "", false
}

// place finds what a module name means.
func (e *encoder) place(module string, exported bool) (p place, err error) {
	p.typer = func() *typer { return e.types }
	if exported {
		for i := range e.exports {
			if x := &e.exports[i]; x.module == module {
				p.export = x
				p.typer = func() *typer { return e.exportTypes(x) }
				p.funcs = x.find
				if x.iface != nil {
					p.types = x.iface.Type
				}
				return p, nil
			}
		}
		return p, fmt.Errorf("the module exports no function of %s", module)
	}
	if module == root {
		if e.World == nil {
			return p, fmt.Errorf("functions with plain names are those of a world: name it with --world")
		}
		p.funcs = func(name string) *wit.Func {
			for _, x := range e.World.Imports {
				if x.Func != nil && x.Func.Name == name {
					return x.Func
				}
			}
			return nil
		}
		p.types = func(name string) *wit.Type { return named(e.World.Types, name) }
		return p, nil
	}
	i, err := e.lookup(module, false)
	if err != nil {
		return p, err
	}
	p.types = i.Type
	p.funcs = func(name string) *wit.Func { return e.funcOf(i, name) }
	return p, nil
}

func named(types []*wit.Type, name string) *wit.Type {
	for _, t := range types {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// funcOf finds a function of an interface by its name in components.
func (e *encoder) funcOf(i *wit.Interface, name string) *wit.Func {
	for _, f := range i.AllFuncs() {
		if f.Name == name {
			e.homes[f] = i
			return f
		}
	}
	return nil
}

// lookup finds an interface by the name that a module has for it.
func (e *encoder) lookup(name string, export bool) (*wit.Interface, error) {
	id, err := wit.ParseID(name)
	if err != nil {
		return nil, err
	}
	if e.World != nil {
		externs := e.World.Imports
		if export {
			externs = e.World.Exports
		}
		for _, x := range externs {
			if x.Interface != nil && x.Name == name {
				return x.Interface, nil
			}
		}
	}
	if id.Namespace == "" {
		return nil, fmt.Errorf("an interface with a plain name is one of a world: name it with --world")
	}
	i := e.Set.Interface(id)
	if i == nil {
		return nil, fmt.Errorf("the interface is unknown: %s", known(e.Set, id))
	}
	if wit.CompareVersions(id.Version, e.asked[i]) > 0 {
		e.asked[i] = id.Version
	}
	return i, nil
}

func (e *encoder) resourceBuiltin(w *want, p place, kind, name string) error {
	var t *wit.Type
	if p.types != nil {
		t = p.types(name)
	}
	if t == nil || t.Resolve().Kind != wit.Resource {
		return fmt.Errorf("the WIT has no resource %q there", name)
	}
	if p.export == nil {
		if kind != "resource-drop" {
			return fmt.Errorf("only who implements a resource has %s", kind)
		}
		e.imported.add(t)
	}
	op := map[string]binary.CanonOp{
		"resource-new": binary.OpResourceNew, "resource-rep": binary.OpResourceRep, "resource-drop": binary.OpResourceDrop,
	}[kind]
	w.make = func(*side) (uint32, error) {
		return e.add(binary.SortCoreFunc, &binary.Canon{Op: op, Type: p.typer().index(t), Opts: noOpts()}), nil
	}
	return nil
}

func (e *encoder) taskReturn(w *want, p place, name string) error {
	f := p.funcs(name)
	if f == nil {
		return fmt.Errorf("the WIT has no function %q there", name)
	}
	w.needs = e.shapes.returning(f)
	w.make = func(s *side) (uint32, error) {
		opts, err := s.options(w.needs)
		if err != nil {
			return 0, err
		}
		return e.add(binary.SortCoreFunc, &binary.Canon{Op: binary.OpTaskReturn, Result: p.typer().ref(f.Result), Opts: opts}), nil
	}
	return nil
}

// unit is the type of streams and futures without values, as "stream" and "future" call it.
var unit = map[string]*wit.Type{"stream": {Kind: wit.Stream}, "future": {Kind: wit.Future}}

// endBuiltin is "[stream-read-0]f": of the first stream or future among the types of f; or "[stream-read-unit]f": of the one without values, where f may be
// left out in the world.
func (e *encoder) endBuiltin(w *want, p place, field string, async bool) error {
	head, name, ok := strings.Cut(field[1:], "]")
	kind, rest, _ := strings.Cut(head, "-")
	cut := strings.LastIndexByte(rest, '-')
	if !ok || cut < 0 {
		return fmt.Errorf("there is no such built-in")
	}
	ops, known := endBuiltins[rest[:cut]]
	if !known {
		return fmt.Errorf("there is no such built-in")
	}
	t := unit[kind]
	if rest[cut+1:] != "unit" {
		f := p.funcs(name)
		n, err := strconv.Atoi(rest[cut+1:])
		if f == nil || err != nil {
			return fmt.Errorf("there is no such built-in, or the WIT has no function %q there", name)
		}
		all := f.Ends()
		if n < 0 || n >= len(all) || (all[n].Kind == wit.Stream) != (kind == "stream") {
			return fmt.Errorf("the function %q has no %s with the number %d", name, kind, n)
		}
		t = all[n]
	}
	c := binary.Canon{Op: ops[0], Async: async}
	if kind == "future" {
		c.Op = ops[1]
	}
	if p.export == nil {
		e.imported.add(t)
	}
	moves := rest[:cut] == "read" || rest[:cut] == "write"
	if moves {
		w.needs = e.shapes.moving(t, rest[:cut] == "read")
	}
	w.make = func(s *side) (_ uint32, err error) {
		c := c
		if c.Opts, err = s.options(w.needs); err != nil {
			return 0, err
		}
		c.Opts.Async = async && moves
		c.Type = p.typer().anyIndex(t)
		return e.add(binary.SortCoreFunc, &c), nil
	}
	return nil
}

// anyIndex is the index of a type, which may have a name.
func (y *typer) anyIndex(t *wit.Type) uint32 {
	if t.Name != "" {
		return y.index(t)
	}
	return y.value(t)
}

var errNoMemory = fmt.Errorf("what is passed goes through memory, and the module exports none under the name \"memory\"")

func noOpts() binary.CanonOpts {
	return binary.CanonOpts{Memory: -1, Realloc: -1, PostReturn: -1, Callback: -1, CoreType: -1}
}

// options are the canonical options by which a module gets what it needs.
func (s *side) options(n needs) (binary.CanonOpts, error) {
	o := noOpts()
	if n.memory {
		if o.Memory = s.memory; o.Memory < 0 {
			return o, errNoMemory
		}
	}
	if n.realloc {
		if o.Realloc = s.realloc; o.Realloc < 0 {
			return o, fmt.Errorf("what is passed needs room in the module's memory, and the module exports no cabi_realloc")
		}
	}
	o.HasEncoding = n.text
	return o, nil
}
