package core

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Func is an exported function of an instance. It may be called while a call of it is under way further down the stack.
type Func struct {
	inst *Instance
	name string
	typ  binary.CoreFuncType
	host *HostFunc           // a function of a host module, called without wazero
	look func() api.Function // finds it if it has no name
	// free are wazero's call objects that no call is using. Entering one twice would corrupt it.
	free []*callObject
}

// maxFree bounds free. More call objects are in use only while a guest calls itself through the host.
const maxFree = 8

// function makes a call object.
func (f *Func) function() api.Function {
	if f.look != nil {
		return f.look()
	}
	return f.inst.mod.ExportedFunction(f.name)
}

// TableFunc finds the function of type params → () that is element number index of an exported table now; a *cm.Trap if there
// is none, or one of another type.
func (i *Instance) TableFunc(name string, index uint32, params []binary.CoreValType) (f *Func, err error) {
	k, ok := i.module.exports[name]
	if !ok {
		return nil, cm.Trapf(cm.TrapBug, "core table %q is gone", name)
	}
	at := i.module.info.Exports[k].Index
	defer func() {
		if r := recover(); r != nil { // as call_indirect would trap
			cause, _ := r.(error)
			if cause == nil {
				cause = fmt.Errorf("%v", r)
			}
			err, _ = i.group.engine.callError(cause)
		}
	}()
	look := func() api.Function { return table.LookupFunction(i.mod, at, index, apiTypes(params), nil) }
	f = &Func{inst: i, look: look, typ: binary.CoreFuncType{Params: params}}
	f.free = append(f.free, i.group.engine.callObject(look()))
	return f, nil
}

// Type is the function's type.
func (f *Func) Type() binary.CoreFuncType { return f.typ }

// Call runs the function: parameters are read from stack and results written to it; it must be long enough for either.
// ctx, which gives the [Thread], reaches host functions unchanged. An error is a *cm.Trap, or what a host function returned.
func (f *Func) Call(ctx context.Context, stack []uint64) error {
	if f.host != nil {
		return guard(ctx, f.host.Fn, stack)
	}
	return f.call(f.inst.group.thread(ctx), ctx, stack)
}

// CallOn is Call where the caller knows the thread that ctx gives: t.
func (f *Func) CallOn(t *Thread, ctx context.Context, stack []uint64) error {
	if f.host != nil || f.inst.group != t.group {
		return f.Call(ctx, stack)
	}
	return f.call(t, ctx, stack)
}

func (f *Func) call(t *Thread, ctx context.Context, stack []uint64) error {
	if err := t.Err(); err != nil {
		return err
	}
	t.Run()
	var c *callObject
	if n := len(f.free); n > 0 {
		c = f.free[n-1]
		f.free = f.free[:n-1]
	} else {
		c = t.group.engine.callObject(f.function())
	}
	outer := t.running
	if !t.ready(c, outer, len(stack)) {
		if err := t.enter(c, outer, len(stack)); err != nil {
			return err
		}
	}
	t.running = c
	err, reuse := c.fn.CallWithStack(ctx, stack), true
	t.running = outer
	if err != nil {
		err, reuse = t.group.engine.callError(err)
		if isOverflow(err) {
			err = t.group.overflow(c.trace(t.group.engine, stack))
		}
		err = t.explain(err)
	}
	if outer != nil {
		c.leave()
	} else if t == &t.group.own || t.deep != 0 || t.charged.bytes != 0 {
		t.leave()
	}
	if reuse && len(f.free) < maxFree {
		f.free = append(f.free, c)
	}
	return err
}
