package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/vitrine-wasm/vitrine/cm"
	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// mix is what generated modules call of the host; log is what it was called with.
type hostLog struct{ calls []uint64 }

type hostLogKey struct{}

func (l *hostLog) add(v uint64) { l.calls = append(l.calls, v) }

func mix(ctx context.Context, stack []uint64) error {
	v := uint32(stack[0]) // the upper half is anything
	ctx.Value(hostLogKey{}).(*hostLog).add(uint64(v))
	stack[0] = uint64(v*2654435761 ^ 5)
	return nil
}

func mix64(ctx context.Context, stack []uint64) error {
	ctx.Value(hostLogKey{}).(*hostLog).add(stack[0])
	stack[0] = stack[0]*0x9e3779b97f4a7c15 ^ 5
	return nil
}

// twins runs the same module twice: as wazero's interpreter runs it, and rewritten in an engine of ours.
type twins struct {
	runtime  wazero.Runtime
	host     api.Module
	provider wazero.CompiledModule
	engines  [2]twinEngine // machine code, interpreter
}

type twinEngine struct {
	e        *Engine
	host     *Instance
	provider *Module
}

func newTwins(t testing.TB) *twins {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &twins{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))}
	t.Cleanup(func() { must(w.runtime.Close(ctx)) })
	i32s, i64s := []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}
	host, err := w.runtime.NewHostModuleBuilder("h").
		NewFunctionBuilder().WithGoFunction(trampoline(mix), i32s, i32s).Export("mix").
		NewFunctionBuilder().WithGoFunction(trampoline(mix64), i64s, i64s).Export("mix64").Compile(ctx)
	must(err)
	w.host, err = w.runtime.InstantiateModule(ctx, host, anonymous)
	must(err)
	w.provider, err = w.runtime.CompileModule(ctx, provider())
	must(err)
	for k := range w.engines {
		e, err := NewEngine(ctx, Config{interpreter: k == 1})
		must(err)
		t.Cleanup(func() { must(e.Close(ctx)) })
		i64 := cmbinary.CoreValType(tI64)
		host, err := e.HostModule(ctx, []HostFunc{
			{Name: "mix", Params: []cmbinary.CoreValType{i32}, Results: []cmbinary.CoreValType{i32}, Fn: mix},
			{Name: "mix64", Params: []cmbinary.CoreValType{i64}, Results: []cmbinary.CoreValType{i64}, Fn: mix64},
		})
		must(err)
		p, _, err := e.Compile(ctx, provider(), CompileOptions{})
		must(err)
		w.engines[k] = twinEngine{e, host, p}
	}
	return w
}

// outcome is what a call gave: a trap, or results.
type outcome struct {
	trap    cm.TrapCode
	results []uint64
}

// trapCode is the code of an error of wazero's or of ours; empty for none.
func trapCode(err error) cm.TrapCode {
	if err == nil {
		return ""
	}
	var t *cm.Trap
	if errors.As(err, &t) {
		return t.Code
	}
	for text, code := range trapCodes {
		if strings.Contains(err.Error(), text) {
			return code
		}
	}
	return cm.TrapCode("? " + err.Error())
}

// plan is what is done with a generated module.
type fuzzPlan struct {
	compiled bool
	limits   Limits
	calls    []fuzzCall
	fuelPart uint64 // of 256: how much of the fuel that is needed the second run is given
}

type fuzzCall struct {
	name    string
	args    []uint64
	results []byte // types
}

// low takes away what lies above 32-bit results, which is anything.
func (c fuzzCall) low(results []uint64) []uint64 {
	for i := range results {
		if t := c.results[i]; t == tI32 || t == tF32 {
			results[i] = uint64(uint32(results[i]))
		}
	}
	return results
}

// planOf reads a plan, and a module made with it: one for the original, one to be rewritten.
func planOf(in []byte) (p fuzzPlan, original, rewritten []byte, g *gen) {
	if len(in) < 3 {
		in = append(bytes.Clone(in), 0, 0, 0)
	}
	mode, fuel, n := in[0], in[1], in[2]
	p.compiled = mode&1 == 0
	p.limits.CheckEvery = []uint32{0, 1, 7, 100}[mode>>1&3]
	p.fuelPart = uint64(fuel)
	caps := mode&8 != 0
	in = in[3:]
	plain := &gen{in: in}
	original = plain.module()
	g = &gen{in: in, caps: caps}
	rewritten = g.module()
	if caps {
		p.limits.Tables = providerTable + capElements
		if len(g.tables) > 1 {
			p.limits.Tables = providerTable + 4*capElements
		}
		p.limits.Memory = (1 + capPages) * pageSize
	}
	for range 1 + int(n)%8 {
		x := g.exports[g.n(len(g.exports))]
		c := fuzzCall{name: x.name, results: x.typ.results}
		for _, t := range x.typ.params {
			v := uint64(int64(int8(g.byte())))
			if b := g.byte(); b > 0xf0 {
				v = []uint64{1 << 31, 1<<31 - 1, 1 << 63, 0x7fc00000, 0x7fa00000, 0x7ff4 << 48, 1 << 16, 0x5f000000}[b&7]
			}
			if t == tI32 || t == tF32 {
				v = uint64(uint32(v))
			}
			c.args = append(c.args, v)
		}
		p.calls = append(p.calls, c)
	}
	for i := range g.tables {
		p.calls = append(p.calls, fuzzCall{fmt.Sprintf("size%d", i), []uint64{0}, []byte{tI32}})
		for k := range 6 {
			p.calls = append(p.calls, fuzzCall{fmt.Sprintf("null%d", i), []uint64{uint64(k)}, []byte{tI32}})
		}
	}
	return p, original, rewritten, g
}

// run is what a module did: the outcome of making it and of each call, and what it left behind.
type run struct {
	made    cm.TrapCode
	calls   []outcome
	fuel    []uint64 // after making it, and after each call
	used    []uint64 // what making it and each call have used by the module's own count
	memory  []byte
	globals map[string]uint64
	log     []uint64 // what the host was called with
	logged  int      // how many of the log while it was made
}

// original runs the module as it is. Fuel is what it counted itself.
func (w *twins) original(t *testing.T, wasm []byte, p fuzzPlan, g *gen) (r run) {
	log := &hostLog{}
	ctx := context.WithValue(context.Background(), hostLogKey{}, log)
	compiled, err := w.runtime.CompileModule(ctx, wasm)
	if err != nil {
		t.Fatalf("generated module: %v\n%x", err, wasm)
	}
	defer compiled.Close(ctx)
	pro, err := w.runtime.InstantiateModule(ctx, w.provider, anonymous)
	if err != nil {
		t.Fatal(err)
	}
	defer pro.Close(ctx)
	mod, err := w.runtime.InstantiateModule(experimental.WithImportResolver(ctx, func(name string) api.Module {
		if name == "h" {
			return w.host
		}
		return pro
	}), compiled, anonymous)
	if err != nil {
		r.made = trapCode(err)
		return r
	}
	defer mod.Close(ctx)
	fuel := func() { r.fuel = append(r.fuel, mod.ExportedGlobal("steps").Get()+mod.ExportedGlobal("bulk").Get()) }
	fuel()
	r.logged = len(log.calls)
	for _, c := range p.calls {
		res, err := mod.ExportedFunction(c.name).Call(ctx, c.args...)
		r.calls = append(r.calls, outcome{trapCode(err), c.low(res)})
		fuel()
	}
	r.globals = map[string]uint64{}
	for i, d := range g.globals {
		if name := "g" + string(rune('a'+i)); d.mutable {
			r.globals[name] = mod.ExportedGlobal(name).Get()
		}
	}
	r.globals["provider"] = pro.ExportedGlobal("g").Get()
	if m := mod.ExportedMemory("m"); m != nil {
		b, _ := m.Read(0, m.Size())
		r.memory = bytes.Clone(b)
	}
	r.log = log.calls
	return r
}

// twin is a rewritten module and its group.
type twin struct {
	ctx   context.Context
	log   *hostLog
	group *Group
	inst  *Instance
	pro   *Instance
	made  error
}

func (w *twins) make(t *testing.T, wasm []byte, p fuzzPlan, l Limits) *twin {
	en := w.engines[1]
	if p.compiled {
		en = w.engines[0]
	}
	log := &hostLog{}
	x := &twin{ctx: context.WithValue(context.Background(), hostLogKey{}, log), log: log, group: en.e.NewGroup(l)}
	info, err := Inspect(wasm)
	if err != nil {
		t.Fatalf("generated module: %v", err)
	}
	var o CompileOptions
	for _, i := range info.Imports {
		s := Slot{Source: 3, Field: i.Field}
		if i.Module == "p" {
			s.Source = 1
		}
		o.Slots = append(o.Slots, s)
	}
	m, _, err := en.e.Compile(x.ctx, wasm, o)
	if err != nil {
		t.Fatalf("rewritten module: %v", err)
	}
	x.pro, err = en.e.Instantiate(x.ctx, x.group, en.provider, nil)
	if err != nil {
		t.Fatal(err)
	}
	x.inst, x.made = en.e.Instantiate(x.ctx, x.group, m, []*Instance{nil, x.pro, nil, en.host})
	return x
}

// calls does the plan's calls, until one ends with stop.
func (x *twin) calls(p fuzzPlan, stop cm.TrapCode) (r run) {
	r.made = trapCode(x.made)
	if r.made != "" {
		return r
	}
	r.logged = len(x.log.calls)
	r.fuel = append(r.fuel, x.group.Fuel())
	for _, c := range p.calls {
		stack := make([]uint64, max(len(c.args), len(c.results)))
		copy(stack, c.args)
		code := trapCode(x.inst.Func(c.name).Call(x.ctx, stack))
		if code != "" {
			stack = stack[:0]
		}
		r.calls = append(r.calls, outcome{code, c.low(stack[:min(len(stack), len(c.results))])})
		r.fuel = append(r.fuel, x.group.Fuel())
		if code == stop && stop != "" {
			break
		}
	}
	r.globals = map[string]uint64{}
	for _, e := range x.inst.module.info.Exports {
		if e.Kind == GlobalExtern && len(e.Name) == 2 {
			r.globals[e.Name] = x.inst.mod.ExportedGlobal(e.Name).Get()
		}
	}
	r.globals["provider"] = x.pro.mod.ExportedGlobal("g").Get()
	if m := x.inst.Memory("m"); m != nil {
		r.memory = bytes.Clone(m.Bytes())
	}
	r.log = x.log.calls
	return r
}
