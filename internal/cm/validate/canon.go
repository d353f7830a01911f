package validate

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

type sig = []binary.CoreValType

// canon validates a canonical definition (CanonicalABI.md §Canonical Definitions).
func (v *validator) canon(s *scope, c *binary.Canon) error {
	if c.Op == binary.OpLift {
		t, err := v.lift(s, c)
		if err != nil {
			return err
		}
		s.funcs = append(s.funcs, t)
		return nil
	}
	f, err := v.builtin(s, c)
	if err != nil {
		return err
	}
	s.coreFuncs = append(s.coreFuncs, f)
	return nil
}

// flatten gives the core signature of a function type under options (CanonicalABI.md §Flattening, flatten_functype).
func flatten(f *fn, o *binary.CanonOpts, lift bool) (params, results sig) {
	var all layout
	for _, p := range f.params {
		all.flat = capFlat(append(all.flat, p.ref.layout().flat...))
	}
	params, results = all.flat, f.result.layout().flat
	most := maxFlatParams
	if o.Async && !lift {
		most = maxFlatAsyncParams
	}
	if len(params) > most {
		params = sig{i32}
	}
	switch {
	case o.Async && lift && o.Callback >= 0:
		results = sig{i32}
	case o.Async && lift:
		results = nil
	case o.Async:
		if len(results) > 0 {
			params = append(params[:len(params):len(params)], i32)
		}
		results = sig{i32}
	case len(results) > maxFlatResults && lift:
		results = sig{i32}
	case len(results) > maxFlatResults:
		params = append(params[:len(params):len(params)], i32)
		results = nil
	}
	return params, results
}

// needs says which options a canonical definition needs, by the values that it lifts out of memory and lowers into it.
type needs struct{ memory, realloc bool }

func (n *needs) lowers(l layout, spills bool) {
	n.memory = n.memory || l.pointers || spills
	n.realloc = n.realloc || l.pointers || spills
}

func (n *needs) lifts(l layout, spills bool) { n.memory = n.memory || l.pointers || spills }

func paramLayout(f *fn) layout { return recordLayout(f.params) }

func (v *validator) lift(s *scope, c *binary.Canon) (*typ, error) {
	t, err := s.typeOf(c.Pos, c.Type, kindFunc)
	if err != nil {
		return nil, err
	}
	core, err := at(c.Pos, s.coreFuncs, c.Func, "function")
	if err != nil {
		return nil, err
	}
	o := &c.Opts
	if err := v.options(s, c, t.fn, "encoding memory realloc post-return async callback"); err != nil {
		return nil, err
	}
	if o.Async && o.Callback < 0 {
		if err := v.gate(c.Pos, StackfulLift, "canon lift is async without a callback"); err != nil {
			return nil, err
		}
	}
	// Params are lowered into the callee's memory, results lifted out of it, unless task.return does that.
	var n needs
	p := paramLayout(t.fn)
	n.lowers(p, len(p.flat) > maxFlatParams)
	if r := t.fn.result.layout(); !o.Async {
		n.lifts(r, len(r.flat) > maxFlatResults)
	}
	if err := n.met(c); err != nil {
		return nil, err
	}
	params, results := flatten(t.fn, o, true)
	switch {
	case core.other != "":
		return nil, refuse(c.Pos, core.other, "the lifted core function is of such a type")
	case !core.is(params, core.results):
		return nil, errorf(c.Pos, "canon lift: lowered parameter types `%s` do not match parameter types `%s` of core function %d",
			show(params), show(core.params), c.Func)
	case !core.is(params, results):
		return nil, errorf(c.Pos, "canon lift: lowered result types `%s` do not match result types `%s` of core function %d",
			show(results), show(core.results), c.Func)
	}
	if o.PostReturn >= 0 {
		if o.Async {
			return nil, errorf(c.Pos, "canon lift: canonical option `post-return` cannot be specified with `async`")
		}
		if err := s.optionFunc(c, o.PostReturn, "post-return", results, nil); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (v *validator) lower(s *scope, c *binary.Canon) (*coreFunc, error) {
	t, err := at(c.Pos, s.funcs, c.Func, "func")
	if err != nil {
		return nil, err
	}
	o := &c.Opts
	if o.PostReturn >= 0 {
		return nil, errorf(c.Pos, "canonical option `post-return` cannot be specified for lowerings")
	}
	if err := v.options(s, c, t.fn, "encoding memory realloc async"); err != nil {
		return nil, err
	}
	var n needs
	p, r := paramLayout(t.fn), t.fn.result.layout()
	if o.Async {
		n.lifts(p, len(p.flat) > maxFlatAsyncParams)
		n.lifts(r, len(r.flat) > 0)
	} else {
		n.lifts(p, len(p.flat) > maxFlatParams)
		n.lifts(r, len(r.flat) > maxFlatResults)
	}
	n.realloc = n.realloc || r.pointers
	if err := n.met(c); err != nil {
		return nil, err
	}
	params, results := flatten(t.fn, o, false)
	return &coreFunc{params: params, results: results}, nil
}

func (n needs) met(c *binary.Canon) error {
	switch {
	case n.memory && c.Opts.Memory < 0:
		return errorf(c.Pos, "canon %s: canonical option `memory` is required", c.Op)
	case n.realloc && c.Opts.Realloc < 0:
		return errorf(c.Pos, "canon %s: canonical option `realloc` is required", c.Op)
	}
	return nil
}

// options checks the options of a definition by themselves. f is the function's type for lift and lower; allowed are
// the options that the definition takes.
func (v *validator) options(s *scope, c *binary.Canon, f *fn, allowed string) error {
	o := &c.Opts
	if o.GC || o.CoreType >= 0 {
		return refuse(c.Pos, GC, fmt.Sprintf("canon %s has the option gc or core-type", c.Op))
	}
	for _, g := range []struct {
		name string
		set  bool
	}{
		{"encoding", o.HasEncoding}, {"memory", o.Memory >= 0}, {"realloc", o.Realloc >= 0}, {"async", o.Async},
		{"post-return", o.PostReturn >= 0}, {"callback", o.Callback >= 0},
	} {
		if g.set && !strings.Contains(allowed, g.name) {
			return errorf(c.Pos, "canon %s: canonical option `%s` cannot be specified here", c.Op, g.name)
		}
	}
	if o.Memory >= 0 {
		if err := s.optionMemory(c, uint32(o.Memory)); err != nil {
			return err
		}
	}
	if o.Realloc >= 0 {
		if o.Memory < 0 {
			return errorf(c.Pos, "canon %s: canonical option `realloc` requires `memory` to also be specified", c.Op)
		}
		if err := s.optionFunc(c, o.Realloc, "realloc", sig{i32, i32, i32, i32}, sig{i32}); err != nil {
			return err
		}
	}
	if o.Async && f != nil && !f.async {
		return errorf(c.Pos, "canon %s: the `async` canonical option requires an async function type", c.Op)
	}
	if o.Callback >= 0 {
		if !o.Async {
			return errorf(c.Pos, "canon %s: canonical option `callback` requires `async`", c.Op)
		}
		return s.optionFunc(c, o.Callback, "callback", sig{i32, i32, i32}, sig{i32})
	}
	return nil
}

func (s *scope) optionFunc(c *binary.Canon, index int, what string, params, results sig) error {
	f, err := at(c.Pos, s.coreFuncs, uint32(index), "function")
	if err != nil {
		return err
	}
	if !f.is(params, results) {
		return errorf(c.Pos, "canonical option `%s` uses a core function with an incorrect signature: %s, wanted %s -> %s",
			what, f, show(params), show(results))
	}
	return nil
}

func (s *scope) optionMemory(c *binary.Canon, index uint32) error {
	m, err := at(c.Pos, s.coreMems, index, "memory")
	switch {
	case err != nil:
		return err
	case m.Is64:
		return refuse(c.Pos, Memory64, fmt.Sprintf("canon %s uses a 64-bit memory", c.Op))
	case m.PageSize != 0:
		return refuse(c.Pos, CustomPageSizes, fmt.Sprintf("canon %s uses such a memory", c.Op))
	case m.Shared:
		return refuse(c.Pos, SharedThreads, fmt.Sprintf("canon %s uses a shared memory", c.Op))
	}
	return nil
}
