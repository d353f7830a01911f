package instance

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// Host is what the linker found for a program's imports.
type Host struct {
	// Func returns the host function of an import that something lowers.
	Func func(plan.ImportRef) HostFunc
	// Resources has the host's resource type for each imported slot of the program.
	Resources map[int]*cm.ResourceType
}

// HostFunc is a function of the host.
type HostFunc struct {
	Call         cm.HostFunc                                      // nil if it is in parts
	Parts        func(context.Context, []cm.Val) (cm.Work, error) // see cm.HostDef
	BorrowsBytes bool                                             // likewise
}

// Sync is the function as one that is done when it returns.
func (f HostFunc) Sync() cm.HostFunc {
	return (&cm.HostDef{Func: f.Call, Parts: f.Parts}).Sync()
}

// Linked is a program that is compiled and linked, without state. Immutable; safe for concurrent use.
type Linked struct {
	Program *plan.Program
	engine  *core.Engine
	modules []*core.Module
	host    *core.Instance
	// hostFunc gives the host's functions, for those that the program re-exports.
	hostFunc func(plan.ImportRef) HostFunc
	lifts    []lift
	hooks    []cm.Hooks // by boundary ID
	// resources has the host's type for imported slots and nil for the guest's own, which each store makes anew.
	resources []*cm.ResourceType
	exports   map[string]*plan.ExportFunc // by "interface#func", for lookups by exact name

	// What stores that can be reset have learned, and what they share.
	point                     atomic.Int32
	imagesBefore, imagesAfter core.Images
}

// lift is a plan.Lift made ready.
type lift struct {
	*plan.Lift
	fn *canon.Func
}

// Compiled says how compiling went.
type Compiled struct {
	Modules, Cached int // core modules, and how many of them came from the disk cache
	Bytes           int
}

// ModuleError is what keeps one core module of a program from being compiled.
type ModuleError struct {
	Module int     // in Program.Modules
	Path   cm.Path // the component that it belongs to
	Err    error
}

// Error is "cart: core module 1 …".
func (e *ModuleError) Error() string { return string(e.Path) + ": " + e.Err.Error() }

// Unwrap is Err.
func (e *ModuleError) Unwrap() error { return e.Err }

// Compile compiles the core modules of a program, as many at once as there are processors, the largest first. Of several
// that cannot be compiled the first one is the error.
func Compile(ctx context.Context, e *core.Engine, p *plan.Program) ([]*core.Module, Compiled, error) {
	type result struct {
		m      *core.Module
		cached bool
		err    error
	}
	results := make([]result, len(p.Modules))
	order := make([]int, len(p.Modules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(p.Modules[b].Bytes) - len(p.Modules[a].Bytes) })
	var next, failed atomic.Int64 // failed is the first module that is known not to compile
	failed.Store(int64(len(order)))
	fail := func(i int64) {
		for first := failed.Load(); i < first && !failed.CompareAndSwap(first, i); first = failed.Load() {
		}
	}
	work := func() {
		for n := next.Add(1); n <= int64(len(order)); n = next.Add(1) {
			i := order[n-1]
			if int64(i) > failed.Load() {
				continue
			}
			m, r := &p.Modules[i], &results[i]
			if r.err = ctx.Err(); r.err != nil {
				r.err = context.Cause(ctx)
			} else {
				slots := make([]core.Slot, len(m.Slots))
				for j, s := range m.Slots {
					slots[j] = core.Slot(s)
				}
				if r.m, r.cached, r.err = e.Compile(ctx, m.Bytes, core.CompileOptions{Slots: slots}); r.err != nil {
					r.err = &ModuleError{i, p.Instances[m.Instance].Path, fmt.Errorf("core module %d %q: %w", i, m.Name, r.err)}
				}
			}
			if r.err != nil {
				fail(int64(i))
			}
		}
	}
	var helpers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(order)) - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()

	out := make([]*core.Module, len(p.Modules))
	var sum Compiled
	for i, r := range results {
		if r.err != nil {
			return nil, sum, r.err
		}
		out[i] = r.m
		sum.Modules++
		sum.Bytes += len(p.Modules[i].Bytes)
		if r.cached {
			sum.Cached++
		}
	}
	return out, sum, nil
}

// Link makes the trampolines of a program, and binds i (which may be nil) to its boundaries. Complete it with the program's
// modules, which can be compiled meanwhile.
func Link(ctx context.Context, e *core.Engine, p *plan.Program, h Host, i cm.Interceptor) (*Linked, error) {
	l := &Linked{Program: p, engine: e, hostFunc: h.Func, exports: map[string]*plan.ExportFunc{}}
	l.hooks = make([]cm.Hooks, len(p.Boundaries))
	if i != nil {
		for n, b := range p.Boundaries {
			l.hooks[n] = i.Bind(b)
		}
	}
	l.resources = make([]*cm.ResourceType, len(p.Resources))
	for slot, rt := range h.Resources {
		l.resources[slot] = rt
	}
	compiler := canon.NewCompiler(types.NewTable())
	l.lifts = make([]lift, len(p.Lifts))
	for n := range p.Lifts {
		f, err := compiler.Compile(p.Lifts[n].Type)
		if err != nil {
			return nil, err
		}
		l.lifts[n] = lift{&p.Lifts[n], f}
	}
	fns := make([]core.HostFunc, len(p.Trampolines))
	for n := range p.Trampolines {
		f, err := l.trampoline(&p.Trampolines[n], h, compiler)
		if err != nil {
			return nil, err
		}
		f.Name = plan.TrampolineName(n)
		fns[n] = f
	}
	var err error
	if l.host, err = e.HostModule(ctx, fns); err != nil {
		return nil, err
	}
	for n := range p.Exports {
		x := &p.Exports[n]
		for k := range x.Funcs {
			l.exports[x.Name+"#"+x.Funcs[k].Name] = &x.Funcs[k]
		}
	}
	return l, nil
}

// Close releases the trampolines; every store must be closed before.
func (l *Linked) Close(ctx context.Context) error { return l.host.Close(ctx) }

// Complete gives l the modules that Compile has made. Nothing else may be done with l before.
func (l *Linked) Complete(modules []*core.Module) { l.modules = modules }

// trampoline makes the core function of one canonical definition.
func (l *Linked) trampoline(t *plan.Trampoline, h Host, compiler *canon.Compiler) (core.HostFunc, error) {
	switch t.Kind {
	case plan.LowerHost, plan.LowerLift:
		f, err := compiler.Compile(t.Type)
		if err != nil {
			return core.HostFunc{}, err
		}
		lo := lower{
			fn: f, instance: t.Instance, opts: t.Options, boundary: t.Boundary,
			hooks: l.hooks[t.Boundary.ID], params: len(t.Type.Params), scalar: f.Scalar(),
		}
		lo.countOnly, _ = lo.hooks.(cm.CountOnly)
		out := core.HostFunc{Params: f.CoreParams, Results: f.CoreResults}
		if t.Async {
			out.Params, out.Results = f.AsyncParams, oneI32
		}
		if t.Kind == plan.LowerHost {
			f := h.Func(t.Import)
			lo.borrowsBytes = f.BorrowsBytes
			if t.Adapter && f.Call != nil {
				f.Call = byAdapter(f.Call)
			}
			lh := &lowerHost{lo, f}
			out.Fn = lh.call
			if t.Async {
				out.Fn = func(ctx context.Context, stack []uint64) error {
					a := ctx.(*activation)
					a.shown = true
					return lh.callAsync(a, stack)
				}
			}
		} else {
			out.Fn = (&lowerLift{lo, &l.lifts[t.Lift], l.Program.Nested(t.Instance, l.lifts[t.Lift].Instance)}).call
		}
		return out, nil
	}
	return makeBuiltIn(t, compiler)
}
