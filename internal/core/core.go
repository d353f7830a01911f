package core

import (
	"context"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Config says how an Engine works.
type Config struct {
	// CacheDir holds compiled code between processes; empty means no disk cache. Content-addressed, bounded, safe with
	// several processes at once.
	CacheDir string
	// CacheBytes bounds the disk cache; 0 means a default.
	CacheBytes int64
}

// Engine compiles and runs core modules. Safe for concurrent use.
type Engine struct{}

// NewEngine makes an engine. Close it after every Module and Group of it.
func NewEngine(ctx context.Context, c Config) (*Engine, error) { panic("unwritten") }

// Close releases compiled code.
func (e *Engine) Close(ctx context.Context) error { panic("unwritten") }

// ExternKind is what a core import or export is.
type ExternKind uint8

// The kinds.
const (
	FuncExtern ExternKind = iota + 1
	TableExtern
	MemoryExtern
	GlobalExtern
)

// Import is one import of a module as it stands in its bytes.
type Import struct {
	Module, Field string
	Kind          ExternKind
	Type          binary.CoreFuncType // FuncExtern
}

// Export is one export of a module.
type Export struct {
	Name string
	Kind ExternKind
	Type binary.CoreFuncType // FuncExtern
}

// Slot says where one import comes from: from source number Source of the instantiation, under Field (the source's own
// export name).
type Slot struct {
	Source int
	Field  string
}

// CompileOptions are part of what identifies compiled code.
type CompileOptions struct {
	Slots []Slot // one for each import, in order
}

// Module is one compiled and rewritten core module. Safe for concurrent use.
type Module struct{}

// Info is what a core module's bytes say without compiling it.
type Info struct {
	Imports  []Import
	Exports  []Export
	HasStart bool
	Features []string // features beyond core 1.0 that it uses, by their names ("bulk-memory", "simd" …)
}

// Inspect reads a core module's imports and exports; an error says which feature wazero lacks, or what is malformed.
func Inspect(wasm []byte) (*Info, error) { panic("unwritten") }

// Compile rewrites and compiles a module. cached says that the machine code came from the disk cache. Compiling the
// same bytes with the same options again gives the same *Module.
func (e *Engine) Compile(ctx context.Context, wasm []byte, o CompileOptions) (m *Module, cached bool, err error) {
	panic("unwritten")
}

// HostFunc is one function that guests of a program import: a trampoline of the component layer. Fn reads its
// parameters from stack and writes its results there, as wazero's api.GoModuleFunc does; ctx is the very context that
// the surrounding Func.Call was given. An error stops the guest and comes out of Func.Call unchanged (errors.Is, As).
type HostFunc struct {
	Name            string
	Params, Results []binary.CoreValType
	Fn              func(ctx context.Context, stack []uint64) error
}

// HostModule holds the trampolines of one program; it can be the source of any number of instantiations. It is an
// *Instance so that it can be a source; it has no memory and no group.
func (e *Engine) HostModule(ctx context.Context, fns []HostFunc) (*Instance, error) {
	panic("unwritten")
}

// Limits bound what a Group's guests may have.
type Limits struct {
	Memory     uint64 // bytes, all memories together; 0: 4 GiB a memory
	Tables     uint32 // elements, each table; 0: a default of 10 million
	Deadline   int64  // unused: deadlines come by Interrupt
	CheckEvery uint32 // loop iterations and function entries between interrupt checks; 0: default
}

// Group is what the instances of one store share.
type Group struct{}

// NewGroup makes a group.
func (e *Engine) NewGroup(l Limits) *Group { panic("unwritten") }

// Interrupt makes guest code of the group end soon with err (a *cm.Trap as a rule); safe from any goroutine. Resume
// clears it. The first interrupt wins until then.
func (g *Group) Interrupt(err error) { panic("unwritten") }

// Resume takes an Interrupt back.
func (g *Group) Resume() { panic("unwritten") }

// Fuel is how much guest code has run, in loop iterations and function entries, to the check interval.
func (g *Group) Fuel() uint64 { panic("unwritten") }

// Memory is the bytes that the group's memories have now, and MemoryPeak the most that they had.
func (g *Group) Memory() uint64 { panic("unwritten") }

// MemoryPeak is the most bytes that the group's memories had.
func (g *Group) MemoryPeak() uint64 { panic("unwritten") }

// Close releases every instance and memory of the group. No goroutine may be inside it.
func (g *Group) Close(ctx context.Context) error { panic("unwritten") }

// Instantiate makes an instance of m in group g; sources are numbered as m's Slots say. ctx reaches host functions
// called by a start section. A trap in start is an error like a trap in a call.
func (e *Engine) Instantiate(ctx context.Context, g *Group, m *Module, sources []*Instance) (*Instance, error) {
	panic("unwritten")
}

// Instance is a core instance.
type Instance struct{}

// Memory finds an exported memory; nil if there is none.
func (i *Instance) Memory(name string) *Memory { panic("unwritten") }

// Func finds an exported function; nil if there is none. Looking up the same name again is cheap.
func (i *Instance) Func(name string) *Func { panic("unwritten") }

// Memory is a linear memory.
type Memory struct{}

// Bytes is the memory as it is now. The slice is stale after any guest code has run (growth): fetch it again.
func (m *Memory) Bytes() []byte { panic("unwritten") }

// Func is an exported function of an instance. It may be called while a call of it is under way further down the stack.
type Func struct{}

// Call runs the function: parameters are read from stack and results written to it; it must be long enough for either.
// ctx reaches host functions unchanged. An error is a *cm.Trap, or what a host function returned.
func (f *Func) Call(ctx context.Context, stack []uint64) error { panic("unwritten") }

// Type is the function's type.
func (f *Func) Type() binary.CoreFuncType { panic("unwritten") }
