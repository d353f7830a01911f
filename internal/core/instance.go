package core

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// Instance is a core instance, or a host module (see Engine.HostModule). A core instance belongs to its group, which
// closes it.
type Instance struct {
	group    *Group // nil for a host module
	module   *Module
	mod      api.Module
	memory   *Memory // the memory that it defines or imports; nil if none
	fuel     api.Global
	start    *Func // once it has been called
	funcs    map[string]*Func
	host     map[string]*HostFunc // of a host module
	compiled api.Closer           // of a host module
	sources  []*Instance          // while it is being made
}

// Instantiate makes an instance of m in group g; sources are numbered as m's Slots say. ctx reaches host functions
// called by a start section. A trap in start is an error like a trap in a call.
//
// After an error the instances made so far stay with the group until it is closed: a segment may have been written to a table or
// memory of another instance.
func (e *Engine) Instantiate(ctx context.Context, g *Group, m *Module, sources []*Instance) (*Instance, error) {
	i, err := e.Prepare(ctx, g, m, sources)
	if err == nil && i.HasStart() {
		err = i.Start(ctx)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

// Prepare is Instantiate without the start section. If HasStart, Start has to run it before anything else is called.
func (e *Engine) Prepare(ctx context.Context, g *Group, m *Module, sources []*Instance) (*Instance, error) {
	if err := g.thread(ctx).Err(); err != nil {
		return nil, err
	}
	for _, n := range m.sources {
		if n >= len(sources) || sources[n] == nil {
			return nil, fmt.Errorf("core instance: source %d is missing", n)
		}
	}
	i := &Instance{group: g, module: m, sources: sources}
	lm, err := i.prepare()
	if err != nil {
		return nil, err
	}
	err = i.make(ctx, e, lm)
	i.sources = nil // the caller's; the group keeps them
	if err != nil {
		return nil, err
	}
	e.instances.Store(i.mod, i)
	g.mu.Lock()
	g.instances = append(g.instances, i)
	g.mu.Unlock()

	if name := m.rewrite.Fuel; name != "" {
		g.mu.Lock()
		i.fuel = i.mod.ExportedGlobal(name)
		g.mu.Unlock()
	}
	if m.rewrite.Start != "" && !m.info.HasStart {
		// No code of the guest's runs: this checks segments against the bounds of their tables.
		if err := i.Start(ctx); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// HasStart says whether the module has a start section.
func (i *Instance) HasStart() bool { return i.module.info.HasStart }

// Start runs the start section. It may run again after the instance was reset to what it was before.
func (i *Instance) Start(ctx context.Context) error {
	if i.start == nil {
		i.start = &Func{inst: i, name: i.module.rewrite.Start}
	}
	return i.start.Call(ctx, nil)
}

// prepare makes the memory of the instance, and checks what the module needs against the limits.
func (i *Instance) prepare() (*linearMemory, error) {
	m, g := i.module, i.group
	if n := m.rewrite.TableElements; n > 0 {
		g.mu.Lock()
		over := g.elements+n > uint64(g.limits.Tables)
		if !over {
			g.elements += n
		}
		g.mu.Unlock()
		if over {
			detail := fmt.Sprintf("the module's tables start with %d elements, which is past the limit of %d for all tables", n, g.limits.Tables)
			return nil, &cm.Trap{Code: cm.TrapMemory, Detail: detail, Err: &cm.LimitError{Limit: "tables", Detail: detail}}
		}
		if n > manyElements && !addressSpace(n*elementBytes) {
			return nil, &cm.Trap{Code: cm.TrapMemory, Detail: fmt.Sprintf("the module's tables start with %d elements, for which the process has no room left", n)}
		}
	}
	if s := m.memorySlot; s != nil {
		i.memory = i.sources[s.Source].Memory(s.Field)
		return nil, nil
	}
	d := m.rewrite.Memory
	if d == nil {
		return nil, nil
	}
	size, most := d.Min*pageSize, uint64(corewasm.MaxPages*pageSize)
	if d.HasMax {
		most = min(most, d.Max*pageSize)
	}
	lm, err := g.newMemory(size, most)
	if err != nil {
		return nil, err
	}
	i.memory = &Memory{lm}
	return lm, nil
}

// make has wazero instantiate the module.
func (i *Instance) make(ctx context.Context, e *Engine, lm *linearMemory) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Panicked(r)
		}
	}()
	if len(i.module.sources) > 0 || i.module.rewrite.Fuel != "" {
		ctx = experimental.WithImportResolver(ctx, i.resolve)
	}
	if lm != nil {
		ctx = experimental.WithMemoryAllocator(ctx, lm)
	}
	mod, err := e.runtime.InstantiateModule(ctx, i.module.compiled, anonymous)
	if err != nil {
		return instantiateError(err)
	}
	i.mod = mod
	return nil
}

// resolve finds the source of a slot by its module name.
func (i *Instance) resolve(name string) api.Module {
	if name == corewasm.CheckModule {
		return i.module.engine.check
	}
	n, err := strconv.Atoi(name[1:])
	if err != nil || n >= len(i.sources) {
		return nil
	}
	return i.sources[n].mod
}

// fuelLeft is the fuel that the instance was given and has not used.
func (i *Instance) fuelLeft() int64 {
	if i.fuel == nil {
		return 0
	}
	return int64(int32(i.fuel.Get()))
}

// Memory finds an exported memory; nil if there is none.
func (i *Instance) Memory(name string) *Memory {
	if i.module == nil {
		return nil
	}
	k, ok := i.module.exports[name]
	if !ok || i.module.info.Exports[k].Kind != MemoryExtern {
		return nil
	}
	return i.memory
}

// Func finds an exported function; nil if there is none. Looking up the same name again is cheap.
func (i *Instance) Func(name string) *Func {
	if f, ok := i.funcs[name]; ok {
		return f
	}
	f := &Func{inst: i, name: name}
	if i.module == nil {
		h, ok := i.host[name]
		if !ok {
			return nil
		}
		f.host = h
		f.typ.Params, f.typ.Results = h.Params, h.Results
		return f // not kept: host modules are shared by groups
	}
	k, ok := i.module.exports[name]
	if !ok || i.module.info.Exports[k].Kind != FuncExtern {
		return nil
	}
	f.typ = i.module.info.Exports[k].Type
	if i.funcs == nil {
		i.funcs = map[string]*Func{}
	}
	i.funcs[name] = f
	return f
}

func (i *Instance) close(ctx context.Context) error {
	if i.mod == nil {
		return nil
	}
	i.module.engine.instances.Delete(i.mod)
	return i.mod.Close(ctx)
}

// Close releases a host module, once no group with an instance that imports from it is open. Other instances
// are closed by their group.
func (i *Instance) Close(ctx context.Context) error {
	if i.module != nil || i.mod == nil {
		return nil
	}
	return errors.Join(i.mod.Close(ctx), i.compiled.Close(ctx))
}
