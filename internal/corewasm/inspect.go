package corewasm

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Info describes a module.
type Info struct {
	Types     []binary.CoreFuncType
	Imports   []Import
	Exports   []Export
	HasStart  bool
	Features  []string // beyond WebAssembly 1.0
	Functions int      // defined ones
	CodeSize  int      // bytes of function bodies
	DataSize  int      // bytes of data segments
	// NotResettable lists why an instance cannot be reset to an earlier state; empty if it can.
	NotResettable []string
	// FillsImports says that active segments are written into an imported memory or table.
	FillsImports bool
}

// Inspect reads a module. An error is an [UnsupportedError], a [ComplexityError], or names what is malformed and its offset.
func Inspect(wasm []byte) (*Info, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	code := 0
	var s scan
	for i, b := range m.bodies {
		if err := m.scanBody(b, m.params(i), &s); err != nil {
			return nil, err
		}
		code += len(b.bytes)
	}
	return &Info{
		Types: m.types, Imports: m.imports, Exports: m.exports, HasStart: m.start >= 0, Features: m.used.names(),
		Functions: len(m.bodies), CodeSize: code, DataSize: m.dataLen,
		NotResettable: m.notResettable(), FillsImports: m.fillsImports(),
	}, nil
}

// ImportsOf reads a module up to its imports. Its errors are those of [Inspect] for this part.
func ImportsOf(wasm []byte) ([]Import, error) {
	m, r := readSections(wasm, sectionOrder[2])
	return m.imports, r.err
}
