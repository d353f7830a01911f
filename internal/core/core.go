package core

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// ExternKind is the kind of a core import or export.
type ExternKind uint8

// The kinds.
const (
	FuncExtern ExternKind = iota + 1
	TableExtern
	MemoryExtern
	GlobalExtern
)

// String is the kind in a word.
func (k ExternKind) String() string {
	switch k {
	case FuncExtern:
		return "function"
	case TableExtern:
		return "table"
	case MemoryExtern:
		return "memory"
	case GlobalExtern:
		return "global"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Import is one import of a module.
type Import struct {
	Module, Field string
	Kind          ExternKind
	Type          binary.CoreFuncType   // FuncExtern
	Desc          binary.CoreExternDesc // the whole type; its Type is an index of the module's own types
}

// Export is one export of a module.
type Export struct {
	Name  string
	Kind  ExternKind
	Type  binary.CoreFuncType   // FuncExtern
	Desc  binary.CoreExternDesc // the whole type; its Type is an index of the module's own types
	Index uint32                // in the index space of its kind
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

// Info describes a core module; it is read without compiling the module.
type Info struct {
	Imports  []Import
	Exports  []Export
	HasStart bool
	Features []string // features beyond core 1.0 that it uses, by their names ("bulk-memory", "simd" …)

	// NotResettable says why an instance cannot be reset to an earlier state ("table-changed", "segment-dropped",
	// "vector-global"); empty if it can.
	NotResettable []string
	// FillsImports says that active segments are written into an imported memory or table when an instance is made.
	FillsImports bool

	Functions, CodeSize, DataSize int // how many functions it defines; bytes of their bodies and of its data
}

// Inspect reads a core module's imports and exports; an error says which feature wazero lacks
// (*corewasm.UnsupportedError), or what is malformed.
func Inspect(wasm []byte) (*Info, error) {
	i, err := corewasm.Inspect(wasm)
	if err != nil {
		return nil, err
	}
	return newInfo(i), nil
}

// ImportName is the name of an import of a core module.
type ImportName struct{ Module, Field string }

// ImportNames reads the names of a core module's imports, in order. It does not read code, so that it is quick, but finds
// fewer errors than Inspect.
func ImportNames(wasm []byte) ([]ImportName, error) {
	imports, err := corewasm.ImportsOf(wasm)
	if err != nil {
		return nil, err
	}
	names := make([]ImportName, len(imports))
	for i, im := range imports {
		names[i] = ImportName{im.Module, im.Field}
	}
	return names, nil
}

func newInfo(i *corewasm.Info) *Info {
	info := &Info{
		Imports: make([]Import, len(i.Imports)), Exports: make([]Export, len(i.Exports)),
		HasStart: i.HasStart, Features: i.Features, NotResettable: i.NotResettable, FillsImports: i.FillsImports,
		Functions: i.Functions, CodeSize: i.CodeSize, DataSize: i.DataSize,
	}
	funcType := func(d binary.CoreExternDesc) (t binary.CoreFuncType) {
		if d.Sort == binary.SortCoreFunc {
			t = i.Types[d.Type]
		}
		return t
	}
	for k, x := range i.Imports {
		info.Imports[k] = Import{Module: x.Module, Field: x.Field, Kind: kindOf(x.Desc), Type: funcType(x.Desc), Desc: x.Desc}
	}
	for k, x := range i.Exports {
		info.Exports[k] = Export{Name: x.Name, Kind: kindOf(x.Desc), Type: funcType(x.Desc), Desc: x.Desc, Index: x.Index}
	}
	return info
}

func kindOf(d binary.CoreExternDesc) ExternKind {
	switch d.Sort {
	case binary.SortCoreFunc:
		return FuncExtern
	case binary.SortCoreTable:
		return TableExtern
	case binary.SortCoreMemory:
		return MemoryExtern
	default:
		return GlobalExtern
	}
}
