package core

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// HostFunc is one function that guests of a program import: a trampoline of the component layer. Fn reads its
// parameters from stack and writes its results there, as wazero's api.GoModuleFunc does; ctx is the very context that
// the surrounding Func.Call was given. An error stops the guest and comes out of Func.Call unchanged (errors.Is, As); a
// *cm.Trap without a Stack is given one on the way. A panic becomes a *cm.Trap with code vitrine-bug.
type HostFunc struct {
	Name            string
	Params, Results []binary.CoreValType
	Fn              func(ctx context.Context, stack []uint64) error
}

// HostModule makes the module of the trampolines of one program. It is an *Instance, without memory or group, so that it can be a
// source of any number of instantiations. Close it when the program is gone, or leave it to Engine.Close.
func (e *Engine) HostModule(ctx context.Context, fns []HostFunc) (*Instance, error) {
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed { // wazero would panic
		return nil, errClosed
	}
	i := &Instance{host: make(map[string]*HostFunc, len(fns))}
	b := e.runtime.NewHostModuleBuilder(hostModuleName)
	for k := range fns {
		f := &fns[k]
		if i.host[f.Name] != nil {
			return nil, fmt.Errorf("host module: function %q is there twice", f.Name)
		}
		i.host[f.Name] = f
		b = b.NewFunctionBuilder().WithGoFunction(trampoline(f.Fn), apiTypes(f.Params), apiTypes(f.Results)).Export(f.Name)
	}
	compiled, err := b.Compile(ctx)
	if err != nil {
		return nil, fmt.Errorf("host module: %w", err)
	}
	i.compiled = compiled
	i.mod, err = e.runtime.InstantiateModule(ctx, compiled, anonymous)
	if err != nil {
		return nil, fmt.Errorf("host module: %w", err)
	}
	return i, nil
}

// trampoline gives a host function the form that wazero wants. The guest's frames are unwound by a panic, wazero's own
// way to do it.
type trampoline func(ctx context.Context, stack []uint64) error

// Call implements api.GoFunction.
func (fn trampoline) Call(ctx context.Context, stack []uint64) {
	if err := guard(ctx, fn, stack); err != nil {
		panic(&unwind{err})
	}
}

// guard runs a host function and turns its panic into an error while the stack still shows where it happened.
func guard(ctx context.Context, fn trampoline, stack []uint64) (err error) {
	ended := false
	defer func() {
		if ended {
			return // recover is a call
		}
		if r := recover(); r != nil {
			err = Panicked(r)
		}
	}()
	err = fn(ctx, stack)
	ended = true
	return err
}

func apiTypes(ts []binary.CoreValType) []api.ValueType {
	as := make([]api.ValueType, len(ts))
	for i, t := range ts {
		as[i] = api.ValueType(t)
	}
	return as
}
