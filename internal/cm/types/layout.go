package types

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Limits of the specification.
const (
	MaxFlatParams      = 16        // flat parameters of a function; more are passed through memory
	MaxFlatAsyncParams = 4         // flat parameters of a function that is lowered by the asynchronous ABI
	MaxFlatResults     = 1         // flat results of a function; more are returned through memory
	MaxSize            = 1<<28 - 1 // bytes of one value (CanonicalABI.md §Element Size), of a string and of a list
)

const (
	maxDepth = 1000 // nesting of types, so that recursion along a type is bounded
	narrow   = 4    // bytes of a pointer
	wide     = 8    // bytes of a pointer in the 64-bit layout that validation measures
)

// Core value types, by the names that the specification's flattening uses.
const (
	I32 binary.CoreValType = 0x7f
	I64 binary.CoreValType = 0x7e
	F32 binary.CoreValType = 0x7d
	F64 binary.CoreValType = 0x7c
)

// Has is a set of facts about what a type contains, at any depth.
type Has uint8

// The facts.
const (
	HasPointers Has = 1 << iota // a string, list of any length or map: lifting needs memory, lowering needs realloc
	HasOwn                      // an own handle
	HasBorrow                   // a borrow handle
	HasAsync                    // a stream, future or error-context
)

// HasResource is the union of own and borrow.
const HasResource = HasOwn | HasBorrow

// Layout is the layout of the values of one type, in memory and on the core stack. Immutable.
type Layout struct {
	Size, Align uint32
	// Flat is the flattening; nil when it is longer than MaxFlatParams, as Spills says. Such a type is never passed on
	// the stack.
	Flat   []binary.CoreValType
	Spills bool
	Has    Has
	// Offsets are the fields' in a record or tuple, and key's and value's in an entry of a map.
	Offsets []uint32
	// Discriminant is the width of the case index in bytes, Payload the offset of the payload: of variants, enums,
	// options and results.
	Discriminant, Payload uint32
	// Words is the number of i32 words of flags with more than 32 labels; 0 otherwise.
	Words uint32
	// ElemSize is the distance between elements of a list or of entries of a map.
	ElemSize uint32

	depth               int
	wideSize, wideAlign uint64 // with 64-bit pointers: what the specification bounds
}

// AlignTo rounds p up to a multiple of align, a power of two.
func AlignTo(p, align uint32) uint32 { return (p + align - 1) &^ (align - 1) }

func alignWide(p, align uint64) uint64 { return (p + align - 1) &^ (align - 1) }

// Of computes the layout of t. It is not memoised; see [Table.Layout]. An error says why t is not a type that the
// canonical ABI can carry: nested too deep, too large, or malformed (which a validated component's type never is).
func Of(t *cm.Type) (*Layout, error) { return NewTable().Layout(t) }

func scalar(size uint32, flat binary.CoreValType, has Has) *Layout {
	return &Layout{Size: size, Align: size, Flat: []binary.CoreValType{flat}, Has: has,
		wideSize: uint64(size), wideAlign: uint64(size)}
}

func pointerPair() *Layout {
	return &Layout{Size: 2 * narrow, Align: narrow, Flat: []binary.CoreValType{I32, I32}, Has: HasPointers,
		wideSize: 2 * wide, wideAlign: wide}
}

// scalars are the layouts of types without parts.
var scalars = map[cm.Kind]*Layout{
	cm.KindBool: scalar(1, I32, 0),
	cm.KindS8:   scalar(1, I32, 0), cm.KindU8: scalar(1, I32, 0),
	cm.KindS16: scalar(2, I32, 0), cm.KindU16: scalar(2, I32, 0),
	cm.KindS32: scalar(4, I32, 0), cm.KindU32: scalar(4, I32, 0),
	cm.KindS64: scalar(8, I64, 0), cm.KindU64: scalar(8, I64, 0),
	cm.KindF32: scalar(4, F32, 0), cm.KindF64: scalar(8, F64, 0),
	cm.KindChar: scalar(4, I32, 0), cm.KindString: pointerPair(),
	cm.KindErrorContext: scalar(4, I32, HasAsync),
	cm.KindOwn:          scalar(4, I32, HasOwn), cm.KindBorrow: scalar(4, I32, HasBorrow),
}

// build computes a layout from the layouts of its parts, which the table gives.
func (tb *Table) build(t *cm.Type, depth int) (*Layout, error) {
	if t == nil {
		return nil, fmt.Errorf("type is missing")
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("types nest deeper than %d", maxDepth)
	}
	if l, ok := scalars[t.Kind]; ok {
		return l, nil
	}
	l, err := tb.compound(t, depth+1)
	if err != nil {
		return nil, err
	}
	if l.wideSize > MaxSize {
		return nil, fmt.Errorf("type %s exceeds maximum byte size: %d bytes with 64-bit pointers, at most %d", t, l.wideSize, MaxSize)
	}
	if l.depth > maxDepth {
		return nil, fmt.Errorf("types nest deeper than %d", maxDepth)
	}
	return l, nil
}

func (tb *Table) compound(t *cm.Type, depth int) (*Layout, error) {
	switch t.Kind {
	case cm.KindRecord, cm.KindTuple:
		parts := make([]*cm.Type, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Type
		}
		return tb.record(parts, depth)
	case cm.KindVariant:
		parts := make([]*cm.Type, len(t.Cases))
		for i, c := range t.Cases {
			parts[i] = c.Type
		}
		return tb.variant(parts, depth)
	case cm.KindEnum:
		return tb.variant(make([]*cm.Type, len(t.Labels)), depth)
	case cm.KindOption:
		if t.Elem == nil {
			return nil, fmt.Errorf("option has no type")
		}
		return tb.variant([]*cm.Type{nil, t.Elem}, depth)
	case cm.KindResult:
		return tb.variant([]*cm.Type{t.OK, t.Err}, depth)
	case cm.KindFlags:
		return flags(len(t.Labels))
	case cm.KindList:
		if t.Len > 0 {
			return tb.fixedList(t, depth)
		}
		return tb.list(t.Elem, depth)
	case cm.KindMap:
		if t.Key == nil || t.Elem == nil {
			return nil, fmt.Errorf("map has no key or value type")
		}
		entry, err := tb.record([]*cm.Type{t.Key, t.Elem}, depth)
		if err != nil {
			return nil, err
		}
		l := pointerPair()
		l.Has |= entry.Has
		l.Offsets, l.ElemSize, l.depth = entry.Offsets, entry.Size, entry.depth+1
		return l, nil
	case cm.KindStream, cm.KindFuture:
		l := scalar(4, I32, HasAsync)
		if t.Elem == nil {
			return l, nil
		}
		elem, err := tb.layout(t.Elem, depth)
		if err != nil {
			return nil, err
		}
		l.depth = elem.depth + 1
		return l, nil
	}
	return nil, fmt.Errorf("type of unknown kind %d", t.Kind)
}

func (tb *Table) list(elem *cm.Type, depth int) (*Layout, error) {
	e, err := tb.layout(elem, depth)
	if err != nil {
		return nil, err
	}
	l := pointerPair()
	l.Has |= e.Has
	l.ElemSize, l.depth = e.Size, e.depth+1
	return l, nil
}

func (tb *Table) fixedList(t *cm.Type, depth int) (*Layout, error) {
	e, err := tb.layout(t.Elem, depth)
	if err != nil {
		return nil, err
	}
	l := &Layout{Align: e.Align, Has: e.Has, ElemSize: e.Size, depth: e.depth + 1,
		wideSize: e.wideSize * uint64(t.Len), wideAlign: e.wideAlign}
	if l.wideSize > MaxSize {
		return l, nil // refused by build
	}
	l.Size = e.Size * t.Len
	if e.Spills || len(e.Flat)*int(t.Len) > MaxFlatParams {
		l.Spills = true
		return l, nil
	}
	for range t.Len {
		l.Flat = append(l.Flat, e.Flat...)
	}
	return l, nil
}

func (tb *Table) record(parts []*cm.Type, depth int) (*Layout, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("record or tuple has no fields")
	}
	l := &Layout{Align: 1, wideAlign: 1, Offsets: make([]uint32, len(parts))}
	for i, p := range parts {
		f, err := tb.layout(p, depth)
		if err != nil {
			return nil, err
		}
		l.Align, l.wideAlign = max(l.Align, f.Align), max(l.wideAlign, f.wideAlign)
		l.Offsets[i] = AlignTo(l.Size, f.Align)
		l.Size = l.Offsets[i] + f.Size
		l.wideSize = alignWide(l.wideSize, f.wideAlign) + f.wideSize
		l.depth = max(l.depth, f.depth+1)
		l.Has |= f.Has
		if l.wideSize > 4*MaxSize { // refused by build; going on could overflow Size
			return l, nil
		}
		if l.Spills = l.Spills || f.Spills || len(l.Flat)+len(f.Flat) > MaxFlatParams; l.Spills {
			l.Flat = nil
			continue
		}
		l.Flat = append(l.Flat, f.Flat...)
	}
	l.Size, l.wideSize = AlignTo(l.Size, l.Align), alignWide(l.wideSize, l.wideAlign)
	return l, nil
}

// Discriminant is the width in bytes of the case index of a variant with n cases (CanonicalABI.md §Alignment,
// discriminant_type).
func Discriminant(n int) uint32 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

func (tb *Table) variant(parts []*cm.Type, depth int) (*Layout, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("variant or enum has no cases")
	}
	d := Discriminant(len(parts))
	l := &Layout{Discriminant: d, Align: 1, wideAlign: 1}
	var size uint32
	var wideSize uint64
	var flat []binary.CoreValType
	for _, p := range parts {
		if p == nil {
			continue
		}
		c, err := tb.layout(p, depth)
		if err != nil {
			return nil, err
		}
		l.Align, l.wideAlign = max(l.Align, c.Align), max(l.wideAlign, c.wideAlign) // of the cases so far
		size, wideSize = max(size, c.Size), max(wideSize, c.wideSize)
		l.depth = max(l.depth, c.depth+1)
		l.Has |= c.Has
		l.Spills = l.Spills || c.Spills
		flat = joinAll(flat, c.Flat)
	}
	l.Payload = AlignTo(d, l.Align)
	l.wideSize = alignWide(uint64(d), l.wideAlign) + wideSize
	l.Align, l.wideAlign = max(l.Align, d), max(l.wideAlign, uint64(d))
	l.Size = AlignTo(l.Payload+size, l.Align)
	l.wideSize = alignWide(l.wideSize, l.wideAlign)
	if l.Spills = l.Spills || 1+len(flat) > MaxFlatParams; !l.Spills {
		l.Flat = append([]binary.CoreValType{I32}, flat...)
	}
	return l, nil
}

func joinAll(into, more []binary.CoreValType) []binary.CoreValType {
	for i, c := range more {
		if i < len(into) {
			into[i] = Join(into[i], c)
		} else {
			into = append(into, c)
		}
	}
	return into
}

// Join is the core type that carries either of two (CanonicalABI.md §Flattening, join).
func Join(a, b binary.CoreValType) binary.CoreValType {
	switch {
	case a == b:
		return a
	case a == I32 && b == F32, a == F32 && b == I32:
		return I32
	}
	return I64
}

func flags(n int) (*Layout, error) {
	switch {
	case n == 0:
		return nil, fmt.Errorf("flags have no labels")
	case n <= 8:
		return scalar(1, I32, 0), nil
	case n <= 16:
		return scalar(2, I32, 0), nil
	case n <= 32:
		return scalar(4, I32, 0), nil
	}
	words := (n + 31) / 32
	l := &Layout{Size: uint32(4 * words), Align: 4, Words: uint32(words), wideSize: uint64(4 * words), wideAlign: 4}
	if words > MaxFlatParams {
		l.Spills = true
		return l, nil
	}
	for range words {
		l.Flat = append(l.Flat, I32)
	}
	return l, nil
}
