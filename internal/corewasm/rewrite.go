package corewasm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// The function that rewritten modules import and call when their fuel is used up: its parameter is the rest, which is
// negative, its result new fuel. A parameter that is not negative is the growth of a table; see growthCheck.
const (
	CheckModule = "$vitrine"
	CheckField  = "check"
)

// Slot is the name under which an import is linked.
type Slot struct{ Module, Field string }

// Options of Rewrite.
type Options struct {
	Slots []Slot // one for each import, in order
	// Trace names the module in an engine's stack traces, if it has lines of source (DWARF); empty: traces have no offsets.
	Trace string
}

// Global is an exported mutable global.
type Global struct {
	Name  string
	Index uint32
	Type  binary.CoreValType
}

// Memory is the size of a defined memory in pages.
type Memory struct {
	Min, Max uint64
	HasMax   bool
}

// Result is a rewritten module.
type Result struct {
	Info
	Wasm []byte
	// Traced says that stack traces have offsets, which [Locate] explains.
	Traced bool
	// Fuel is the export name of the fuel global, an i32 that starts at 0; Start is that of the function to call after
	// instantiation. Each is empty where there is none.
	Fuel, Start string

	Globals       []Global // the module's own mutable globals
	Memory        *Memory  // the memory that the module defines
	TableElements uint64   // elements that the module's own tables have at first
	Checks        int      // number of fuel checks
	Facts         Facts    // for [Skeleton]
}

// Rewrite rewrites a module. Its errors are those of [Inspect].
func Rewrite(wasm []byte, o Options) (*Result, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	w := &writer{m: m, o: o, start: -1, res: &Result{}}
	if err := w.scanBodies(); err != nil {
		return nil, err
	}
	if err := w.run(len(wasm)); err != nil {
		return nil, err
	}
	return w.res, nil
}

// run writes the module after its code has been scanned.
func (w *writer) run(size int) error {
	m := w.m
	if len(w.o.Slots) != len(m.imports) {
		return fmt.Errorf("core module has %d imports, but %d slots were given", len(m.imports), len(w.o.Slots))
	}
	w.res.Facts = facts{m.used, m.unresettable, w.res.Checks, w.grows}.text()
	w.write(size)
	code := 0
	for _, b := range m.bodies {
		code += len(b.bytes)
	}
	w.res.Info = Info{
		Types: m.types, Imports: m.imports, Exports: m.exports, HasStart: m.start >= 0, Features: m.used.names(),
		Functions: len(m.bodies), CodeSize: code, DataSize: m.dataLen,
		NotResettable: m.notResettable(), FillsImports: m.fillsImports(),
	}
	return nil
}

type writer struct {
	m           *module
	o           Options
	res         *Result
	scans       []scan
	folder      folder
	checks      bool // the check function is imported
	grows       bool // some code grows a table
	skeleton    bool // bodies are traps
	fuel        uint32
	prefix      string
	start       int64      // index of the appended start function; -1: none
	unchecked   []int      // active element segments that may be out of bounds
	locations   *Locations // nil: not wanted
	extraTypes  []byte
	nExtraTypes int // types appended, and their bytes
}

func (w *writer) scanBodies() error {
	w.scans = make([]scan, len(w.m.bodies))
	for i, b := range w.m.bodies {
		s := &w.scans[i]
		if err := w.m.scanBody(b, w.m.params(i), s); err != nil {
			return err
		}
		if s.entry {
			w.res.Checks++
		}
		for _, e := range s.edits {
			if e.kind == editFuel || e.kind == editBulk || e.kind == editHead {
				w.res.Checks++
			}
		}
		w.grows = w.grows || s.growsTable
	}
	w.checks = w.res.Checks > 0 || w.grows
	return nil
}

// shift renumbers a function index.
func (w *writer) shift(f uint32) uint32 {
	if w.checks && int(f) >= w.m.nImports.funcs {
		return f + 1
	}
	return f
}

// typeOf finds or appends a function type.
func (w *writer) typeOf(params, results []binary.CoreValType) uint32 {
	same := func(a, b []binary.CoreValType) bool {
		return string(typeBytes(a)) == string(typeBytes(b))
	}
	for i, t := range w.m.types {
		if same(t.Params, params) && same(t.Results, results) {
			return uint32(i)
		}
	}
	w.extraTypes = append(w.extraTypes, 0x60)
	w.extraTypes = append(appendU32(w.extraTypes, uint32(len(params))), typeBytes(params)...)
	w.extraTypes = append(appendU32(w.extraTypes, uint32(len(results))), typeBytes(results)...)
	w.nExtraTypes++
	return uint32(len(w.m.types) + w.nExtraTypes - 1)
}

func typeBytes(ts []binary.CoreValType) []byte {
	b := make([]byte, len(ts))
	for i, t := range ts {
		b[i] = byte(t)
	}
	return b
}

func (w *writer) write(size int) {
	m := w.m
	w.fuel = uint32(len(m.globals))
	w.choosePrefix()
	w.findUnchecked()
	var checkType, startType uint32
	if w.checks {
		checkType = w.typeOf([]binary.CoreValType{valI32}, []binary.CoreValType{valI32})
	}
	if len(w.unchecked) > 0 || m.start >= 0 && m.start < int64(m.nImports.funcs) {
		w.start = int64(w.shift(uint32(len(m.funcs))))
		startType = w.typeOf(nil, nil)
	}

	room := size + size/3 // for the checks
	if w.skeleton {
		room = size - m.codeLen + 2*len(trapBody)*len(m.bodies)
	}
	b := make([]byte, 0, room+4096)
	b = append(b, "\x00asm\x01\x00\x00\x00"...)
	if m.groups+w.nExtraTypes > 0 {
		s := appendU32(nil, uint32(m.groups+w.nExtraTypes))
		s = append(append(s, m.typeSec...), w.extraTypes...)
		b = appendSection(b, 1, s)
	}
	b = w.imports(b, checkType)
	if len(m.bodies) > 0 || w.start >= 0 {
		b = w.funcs(b, startType)
	}
	if len(m.tableTypes) > 0 {
		s := appendU32(nil, uint32(len(m.tableTypes)))
		for _, t := range m.tableTypes {
			s = append(s, t...)
		}
		b = appendSection(b, 4, s)
	}
	if n := len(m.memories) - m.nImports.memories; n > 0 {
		b = appendSection(b, 5, append(appendU32(nil, uint32(n)), m.memSec...))
	}
	b = w.globals(b)
	b = w.exports(b)
	b = w.elements(b)
	if m.dataCount >= 0 {
		b = appendSection(b, 12, appendU32(nil, uint32(m.dataCount)))
	}
	if len(m.bodies) > 0 || w.start >= 0 {
		b = w.code(b)
	}
	b, merged := appendSectionOf(b, 11, m.mergeData)
	if !merged && m.data != nil {
		b = appendSection(b, 11, m.data)
	}
	b = m.appendNames(b, w.shift, w.start)
	w.res.Wasm = w.tracing(b)
	w.res.Traced = len(w.res.Wasm) > len(b)

	for i, d := range m.memories[m.nImports.memories:] {
		if i == 0 {
			w.res.Memory = &Memory{Min: d.Min, Max: d.Max, HasMax: d.HasMax}
		}
	}
	for _, d := range m.tables[m.nImports.tables:] {
		w.res.TableElements += d.Min
	}
}

// choosePrefix chooses a prefix for the names of added exports that no export of the module has.
func (w *writer) choosePrefix() {
	w.prefix = "$"
	for again := true; again; {
		again = false
		for _, x := range w.m.exports {
			if strings.HasPrefix(x.Name, w.prefix) {
				w.prefix += "$"
				again = true
			}
		}
	}
}

// findUnchecked finds the active element segments that are not certainly in bounds. An imported table has at least the
// minimum of its import.
func (w *writer) findUnchecked() {
	for i, e := range w.m.elems {
		if !e.active() {
			continue
		}
		offset, known := constI32(e.offset)
		if !known || uint64(offset)+uint64(e.size()) > w.m.tables[e.table].Min {
			w.unchecked = append(w.unchecked, i)
		}
	}
}

func (w *writer) imports(b []byte, checkType uint32) []byte {
	m := w.m
	n := len(m.imports)
	if w.checks {
		n++
	}
	if n == 0 {
		return b
	}
	s := appendU32(nil, uint32(n))
	for i := range m.imports {
		s = appendName(s, w.o.Slots[i].Module)
		s = appendName(s, w.o.Slots[i].Field)
		s = append(s, m.importDescs[i]...)
	}
	if w.checks { // last of all imports, so last of the functions
		s = appendName(s, CheckModule)
		s = appendName(s, CheckField)
		s = appendU32(append(s, 0), checkType)
	}
	return appendSection(b, 2, s)
}

func (w *writer) funcs(b []byte, startType uint32) []byte {
	m := w.m
	defined := m.funcs[m.nImports.funcs:]
	n := len(defined)
	if w.start >= 0 {
		n++
	}
	s := appendU32(make([]byte, 0, 2*n+8), uint32(n))
	for _, t := range defined {
		s = appendU32(s, t)
	}
	if w.start >= 0 {
		s = appendU32(s, startType)
	}
	return appendSection(b, 3, s)
}

func (w *writer) globals(b []byte) []byte {
	m := w.m
	n := len(m.globalInits)
	if w.checks {
		n++
	}
	if n == 0 {
		return b
	}
	s := appendU32(nil, uint32(n))
	add := func(v int32) {
		s = appendI32(append(s, byte(valI32), 1, opI32Const), v)
		s = append(s, opEnd)
	}
	for i, init := range m.globalInits {
		s = append(s, m.globalTypes[i]...)
		s = appendConstExpr(s, init, w.shift)
	}
	if w.checks {
		add(0)
	}
	return appendSection(b, 6, s)
}

func (w *writer) exports(b []byte) []byte {
	m := w.m
	n := 0
	var s []byte
	add := func(name string, kind byte, index uint32) {
		s = appendName(s, name)
		s = appendU32(append(s, kind), index)
		n++
	}
	for _, x := range m.exports {
		switch x.Desc.Sort {
		case binary.SortCoreFunc:
			add(x.Name, 0, w.shift(x.Index))
		case binary.SortCoreTable:
			add(x.Name, 1, x.Index)
		case binary.SortCoreMemory:
			add(x.Name, 2, x.Index)
		case binary.SortCoreGlobal:
			add(x.Name, 3, x.Index)
		}
	}
	for i := m.nImports.globals; i < len(m.globals); i++ {
		if d := m.globals[i]; d.Mutable {
			name := w.prefix + "g" + strconv.Itoa(i)
			add(name, 3, uint32(i))
			w.res.Globals = append(w.res.Globals, Global{Name: name, Index: uint32(i), Type: d.Val})
		}
	}
	if w.checks {
		w.res.Fuel = w.prefix + "fuel"
		add(w.res.Fuel, 3, w.fuel)
	}
	switch {
	case w.start >= 0:
		w.res.Start = w.prefix + "start"
		add(w.res.Start, 0, uint32(w.start))
	case m.start >= 0:
		w.res.Start = w.prefix + "start"
		add(w.res.Start, 0, w.shift(uint32(m.start)))
	}
	if n == 0 {
		return b
	}
	return appendSection(b, 7, append(appendU32(nil, uint32(n)), s...))
}

func (w *writer) elements(b []byte) []byte {
	if len(w.m.elems) == 0 {
		return b
	}
	s := appendU32(nil, uint32(len(w.m.elems)))
	for _, e := range w.m.elems {
		s = appendU32(s, e.flags)
		if e.active() {
			if e.flags&2 != 0 {
				s = appendU32(s, e.table)
			}
			s = appendConstExpr(s, e.offset, w.shift)
		}
		s = append(s, e.head...)
		s = appendU32(s, uint32(e.size()))
		for _, f := range e.indices {
			s = appendU32(s, w.shift(f))
		}
		for _, x := range e.exprs {
			s = appendConstExpr(s, x, w.shift)
		}
	}
	return appendSection(b, 9, s)
}
