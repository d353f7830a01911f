package validate

import "github.com/vitrine-wasm/vitrine/internal/cm/binary"

// Limits of the canonical ABI (CanonicalABI.md §Flattening, §Element Size).
const (
	maxFlatParams      = 16
	maxFlatAsyncParams = 4
	maxFlatResults     = 1
	maxValueSize       = 1<<28 - 1 // with 64-bit pointers
)

const (
	i32 binary.CoreValType = 0x7f
	i64 binary.CoreValType = 0x7e
	f32 binary.CoreValType = 0x7d
	f64 binary.CoreValType = 0x7c
)

// layout is what validation needs to know of the canonical ABI of a type: size and alignment with 64-bit pointers, which are what
// the specification bounds, the flattening with 32-bit ones, cut off one past the most that is passed flat, and which
// options lifting or lowering needs.
type layout struct {
	size, align uint64
	flat        []binary.CoreValType // at most maxFlatParams+1
	pointers    bool                 // strings or lists: lifting takes memory, lowering realloc too
	borrow      bool
}

func scalar(size uint64, flat binary.CoreValType) layout {
	return layout{size: size, align: size, flat: []binary.CoreValType{flat}}
}

var pointerPair = layout{size: 16, align: 8, flat: []binary.CoreValType{i32, i32}, pointers: true}

var primLayouts = [...]layout{
	binary.PrimBool: scalar(1, i32), binary.PrimS8: scalar(1, i32), binary.PrimU8: scalar(1, i32),
	binary.PrimS16: scalar(2, i32), binary.PrimU16: scalar(2, i32), binary.PrimS32: scalar(4, i32),
	binary.PrimU32: scalar(4, i32), binary.PrimS64: scalar(8, i64), binary.PrimU64: scalar(8, i64),
	binary.PrimF32: scalar(4, f32), binary.PrimF64: scalar(8, f64), binary.PrimChar: scalar(4, i32),
	binary.PrimString: pointerPair, binary.PrimErrorContext: scalar(4, i32),
}

// layout of a value type; of an absent one it takes no room.
func (r ref) layout() layout {
	switch {
	case r.prim != 0:
		return primLayouts[r.prim]
	case r.t != nil:
		return r.t.val.layout
	}
	return layout{align: 1}
}

func alignTo(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

func capFlat(f []binary.CoreValType) []binary.CoreValType {
	if len(f) > maxFlatParams+1 {
		f = f[:maxFlatParams+1]
	}
	return f[:len(f):len(f)]
}

func layoutOf(v *val) layout {
	switch v.kind {
	case binary.DefPrim:
		return primLayouts[v.prim]
	case binary.DefRecord, binary.DefTuple:
		return recordLayout(v.fields)
	case binary.DefVariant:
		return variantLayout(v.fields)
	case binary.DefOption:
		return variantLayout([]field{{}, {ref: v.elem}})
	case binary.DefResult:
		return variantLayout([]field{{ref: v.ok}, {ref: v.err}})
	case binary.DefEnum:
		return variantLayout(make([]field, len(v.labels)))
	case binary.DefFlags:
		switch n := len(v.labels); {
		case n <= 8:
			return scalar(1, i32)
		case n <= 16:
			return scalar(2, i32)
		}
		return scalar(4, i32)
	case binary.DefList:
		if v.hasLen {
			return fixedLayout(v.elem.layout(), v.length)
		}
		l := pointerPair
		l.borrow = v.elem.layout().borrow
		return l
	case binary.DefMap:
		l := pointerPair
		l.borrow = v.elem.layout().borrow || v.key.layout().borrow
		return l
	}
	l := scalar(4, i32) // handles and ends of streams and futures
	l.borrow = v.kind == binary.DefBorrow
	return l
}

func recordLayout(fields []field) layout {
	l := layout{align: 1}
	for _, f := range fields {
		p := f.ref.layout()
		l.align = max(l.align, p.align)
		l.size = alignTo(l.size, p.align) + p.size
		l.flat = capFlat(append(l.flat, p.flat...))
		l.pointers = l.pointers || p.pointers
		l.borrow = l.borrow || p.borrow
	}
	l.size = alignTo(l.size, l.align)
	return l
}

func variantLayout(cases []field) layout {
	disc := uint64(1)
	switch n := len(cases); {
	case n > 1<<16:
		disc = 4
	case n > 1<<8:
		disc = 2
	}
	l := layout{align: disc, flat: []binary.CoreValType{i32}}
	var payload uint64
	for _, c := range cases {
		p := c.ref.layout()
		l.align = max(l.align, p.align)
		payload = max(payload, p.size)
		l.pointers = l.pointers || p.pointers
		l.borrow = l.borrow || p.borrow
		for i, t := range p.flat {
			switch {
			case i+1 >= len(l.flat):
				l.flat = append(l.flat, t)
			case l.flat[i+1] != t:
				l.flat[i+1] = join(l.flat[i+1], t)
			}
		}
	}
	l.flat = capFlat(l.flat)
	// The payload lies at the largest alignment of any case.
	l.size = alignTo(alignTo(disc, l.align)+payload, l.align)
	return l
}

// join is CanonicalABI.md §Flattening, join of two different types.
func join(a, b binary.CoreValType) binary.CoreValType {
	if a == i32 && b == f32 || a == f32 && b == i32 {
		return i32
	}
	return i64
}

func fixedLayout(e layout, n uint32) layout {
	l := layout{size: e.size * uint64(n), align: e.align, pointers: e.pointers, borrow: e.borrow}
	for i := uint32(0); i < n && len(l.flat) <= maxFlatParams && len(e.flat) > 0; i++ {
		l.flat = append(l.flat, e.flat...)
	}
	l.flat = capFlat(l.flat)
	return l
}
