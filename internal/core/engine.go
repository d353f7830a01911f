package core

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// Config configures an Engine.
type Config struct {
	// CacheDir holds compiled code between processes; empty means no disk cache. Content-addressed, bounded, safe with
	// several processes at once. Whoever can write to it can run code in this process: it is made for its owner alone, and an
	// *private.Error says that other users could have written to it. Other files in it are left alone.
	CacheDir string
	// CacheBytes bounds the disk cache; 0 means a default.
	CacheBytes int64
	// CacheWarning gets a *private.Error for code in the cache that is not run because other users could have put it there. It
	// is called from any goroutine. May be nil.
	CacheWarning func(error)
	// Budget bounds the memory of all groups together; nil: none does.
	Budget *cm.Budget

	interpreter bool // run without machine code, to test what other processors do
	goMemory    bool // keep memories in Go's heap, to test what systems without mmap do
}

// features are what guests may use. Exception handling is left out: wazero v1.12 compiles locals around it wrongly. So are
// typed function references: its call_ref can call a function of another type than the one that it names.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// Engine compiles and runs core modules. Safe for concurrent use.
type Engine struct {
	runtime wazero.Runtime
	disk    *diskCache // nil: none
	check   api.Module // what corewasm.CheckModule names
	ranges  rangePool
	stacks  stackPool
	deep    stackBudget
	budget  *cm.Budget // nil: none

	layoutOnce sync.Once
	layout     *layout // of call objects; nil if it is not known

	validator func() wazero.Runtime // made when first needed; see Validate

	traced sync.Map // traceName of a module → weak.Pointer[lines]

	instances sync.Map // api.Module → *Instance, for the check function

	mu      sync.Mutex
	modules map[moduleKey]*moduleEntry
	closed  bool

	goMemory bool
}

// NewEngine makes an engine. Close it after every Module and Group of it.
func NewEngine(ctx context.Context, c Config) (*Engine, error) {
	rc := wazero.NewRuntimeConfig()
	if c.interpreter {
		rc = wazero.NewRuntimeConfigInterpreter()
	}
	rc = rc.WithCoreFeatures(features).WithDebugInfoEnabled(true).WithCustomSections(false).WithCloseOnContextDone(false)
	e := &Engine{modules: map[moduleKey]*moduleEntry{}, goMemory: c.goMemory, budget: c.Budget}
	e.validator = sync.OnceValue(func() wazero.Runtime {
		return wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	})
	if c.CacheDir != "" {
		d, err := openDiskCache(c, rc)
		if err != nil {
			return nil, fmt.Errorf("compile cache %s: %w", c.CacheDir, err)
		}
		e.disk = d
		rc = rc.WithCompilationCache(d.wazero)
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, rc)
	if err := e.openCheck(ctx); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	return e, nil
}

// openCheck makes the module with the function that guests call when their fuel is used up.
func (e *Engine) openCheck(ctx context.Context) error {
	i32 := []api.ValueType{api.ValueTypeI32}
	compiled, err := e.runtime.NewHostModuleBuilder(corewasm.CheckModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(e.refuel), i32, i32).Export(corewasm.CheckField).Compile(ctx)
	if err != nil {
		return fmt.Errorf("check module: %w", err)
	}
	e.check, err = e.runtime.InstantiateModule(ctx, compiled, anonymous)
	if err != nil {
		return fmt.Errorf("check module: %w", err)
	}
	return nil
}

// anonymous is the configuration of every instance: imports are resolved by slot, so names would only collide. The random
// source is never read, but wazero would seed a generator of its own for each instance, a tenth of an instance's cost.
var anonymous = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)

// refuel is the check function: rewritten code calls it when fuel is overdrawn, and before a table grows. It runs in Go, so that the
// Go scheduler and garbage collector can run, and it checks the task's interrupt.
func (e *Engine) refuel(ctx context.Context, mod api.Module, stack []uint64) {
	v, ok := e.instances.Load(mod)
	if !ok {
		panic(&unwind{errClosed})
	}
	g := v.(*Instance).group
	t := g.thread(ctx)
	if err := t.Err(); err != nil {
		panic(&unwind{err})
	}
	left := int32(stack[0])
	if left >= 0 { // not fuel: a table is to grow
		stack[0] = uint64(uint32(g.growTable(t, left)))
		return
	}
	if err := t.deepen(); err != nil {
		panic(&unwind{err})
	}
	give, err := g.refuel(t, int64(left))
	if err != nil {
		panic(&unwind{err})
	}
	stack[0] = uint64(uint32(give))
}

// Close releases compiled code.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.modules = nil
	e.mu.Unlock()
	if closed {
		return nil
	}
	err := e.runtime.Close(ctx)
	if e.disk != nil {
		err = errors.Join(err, e.disk.close(ctx))
	}
	e.ranges.close()
	e.stacks.close()
	return err
}

// compileContext makes wazero compile the functions of a large module side by side, and two at a time at the least: with
// one it would not check ctx.
func compileContext(ctx context.Context) context.Context {
	return experimental.WithCompilationWorkers(ctx, max(2, runtime.GOMAXPROCS(0)))
}

// Budget bounds the memory of all groups together; nil: none does.
func (e *Engine) Budget() *cm.Budget { return e.budget }
