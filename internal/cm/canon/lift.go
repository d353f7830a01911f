package canon

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

const valSize = uint64(unsafe.Sizeof(cm.Val{}))

// The NaN that every NaN becomes (CanonicalABI.md §Loading).
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

func float32Bits(b uint32) uint32 {
	if b&0x7fffffff > 0x7f800000 {
		return nan32
	}
	return b
}

func float64Bits(b uint64) uint64 {
	if b&math.MaxInt64 > 0x7ff0000000000000 {
		return nan64
	}
	return b
}

// load reads a value from memory (CanonicalABI.md §Loading). The caller has checked that ptr is aligned and that size
// bytes are in bounds.
func (n *node) load(cx *Context, ptr uint32) (cm.Val, error) {
	m := cx.mem[ptr:]
	switch n.op {
	case opString:
		return cx.loadString(binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint32(m[4:]))
	case opBytes, opList:
		return n.loadList(cx, binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint32(m[4:]))
	case opFixedBytes, opFixedList:
		return n.loadElems(cx, ptr, n.count)
	case opRecord:
		return n.loadRecord(cx, ptr)
	case opVariant:
		return n.loadVariant(cx, ptr)
	case opWideFlags:
		return n.wideFlags(cx, func(i uint32) uint32 { return binary.LittleEndian.Uint32(m[4*i:]) })
	case opOwn, opBorrow, opAsync:
		return n.liftHandle(cx, binary.LittleEndian.Uint32(m))
	}
	return n.load1(m)
}

// load1 reads a value of a type that is one number as wide as the type.
func (n *node) load1(m []byte) (cm.Val, error) {
	switch n.size {
	case 1:
		return n.scalar(uint64(m[0]))
	case 2:
		return n.scalar(uint64(binary.LittleEndian.Uint16(m)))
	case 4:
		return n.scalar(uint64(binary.LittleEndian.Uint32(m)))
	}
	return n.scalar(binary.LittleEndian.Uint64(m))
}

// scalar makes a value of a type that is one core value and neither handle nor pointer. Bits beyond the type's width
// are ignored, bits of flags without label too (CanonicalABI.md §Flat Lifting, lift_flat_unsigned).
func (n *node) scalar(x uint64) (cm.Val, error) {
	switch n.op {
	case opBool:
		return cm.BoolVal(uint32(x) != 0), nil
	case opU8:
		return cm.U8Val(uint8(x)), nil
	case opS8:
		return cm.S8Val(int8(x)), nil
	case opU16:
		return cm.U16Val(uint16(x)), nil
	case opS16:
		return cm.S16Val(int16(x)), nil
	case opU32:
		return cm.U32Val(uint32(x)), nil
	case opS32:
		return cm.S32Val(int32(x)), nil
	case opU64:
		return cm.U64Val(x), nil
	case opS64:
		return cm.S64Val(int64(x)), nil
	case opF32:
		return cm.F32Val(math.Float32frombits(float32Bits(uint32(x)))), nil
	case opF64:
		return cm.F64Val(math.Float64frombits(float64Bits(x))), nil
	case opChar:
		return liftChar(uint32(x))
	case opFlags:
		return cm.FlagsVal(uint64(uint32(x) & n.mask)), nil
	}
	if uint32(x) >= n.count {
		return cm.Val{}, n.badCase(uint32(x))
	}
	return cm.EnumVal(uint32(x)), nil
}

func liftChar(x uint32) (cm.Val, error) {
	if x >= 0x110000 || x >= 0xd800 && x <= 0xdfff {
		return cm.Val{}, cm.Trapf(cm.TrapBadChar, "%#x is no Unicode scalar value", x)
	}
	return cm.CharVal(rune(x)), nil
}

func (n *node) badCase(i uint32) error {
	return cm.Trapf(cm.TrapBadDiscrim, "case %d of %s, which has %d", i, n.typ, n.count)
}

// loadList reads a list whose elements are elsewhere (CanonicalABI.md §Loading, load_list_from_range).
func (n *node) loadList(cx *Context, ptr, length uint32) (cm.Val, error) {
	size := uint64(length) * uint64(n.elem.size)
	if size > types.MaxSize {
		return cm.Val{}, cm.Trapf(cm.TrapTooLong, "list of %d elements takes %d bytes, at most %d", length, size, types.MaxSize)
	}
	if err := cx.check(ptr, n.elem.align, size, "list"); err != nil {
		return cm.Val{}, err
	}
	return n.loadElems(cx, ptr, length)
}

// loadElems reads elements that are known to be in bounds.
func (n *node) loadElems(cx *Context, ptr, length uint32) (cm.Val, error) {
	if n.elem.op == opU8 {
		if cx.BorrowBytes {
			return cm.BytesVal(cx.mem[ptr : ptr+length : ptr+length]), nil
		}
		if err := cx.spend(uint64(length)); err != nil {
			return cm.Val{}, err
		}
		return cm.BytesVal(append(make([]byte, 0), cx.mem[ptr:ptr+length]...)), nil // it is not cleared before
	}
	vs, err := cx.vals(length)
	if err != nil {
		return cm.Val{}, err
	}
	if n.elem.op < opChar { // cannot trap
		n.elem.loadNumbers(cx.mem[ptr:], vs)
		return cm.ListVal(vs), nil
	}
	for i := range vs {
		if vs[i], err = n.elem.load(cx, ptr+uint32(i)*n.elem.size); err != nil {
			return cm.Val{}, err
		}
	}
	return cm.ListVal(vs), nil
}

// loadNumbers is the fast path for elements of one width that are always valid. The common ones have loops of their own,
// because a call for each element takes longer than the element.
func (n *node) loadNumbers(m []byte, vs []cm.Val) {
	switch n.op {
	case opU16:
		for i := range vs {
			vs[i] = cm.U16Val(binary.LittleEndian.Uint16(m[2*i:]))
		}
	case opU32:
		for i := range vs {
			vs[i] = cm.U32Val(binary.LittleEndian.Uint32(m[4*i:]))
		}
	case opS32:
		for i := range vs {
			vs[i] = cm.S32Val(int32(binary.LittleEndian.Uint32(m[4*i:])))
		}
	case opU64, opS64:
		for i := range vs {
			vs[i] = cm.U64Val(binary.LittleEndian.Uint64(m[8*i:]))
		}
	case opF64:
		for i := range vs {
			vs[i] = cm.F64Val(math.Float64frombits(float64Bits(binary.LittleEndian.Uint64(m[8*i:]))))
		}
	default:
		for i := range vs {
			vs[i], _ = n.load1(m[uint32(i)*n.size:])
		}
	}
}

// maxShared bounds the arrays that small aggregates of one lifting share, in values.
const maxShared = 64

// vals makes room for n values, within the budget. The aggregates of one lifting share arrays, each twice as long as the one before
// it: a record of records takes few allocations, and a single small one no more than it needs.
func (cx *Context) vals(n uint32) ([]cm.Val, error) {
	if err := cx.spend(uint64(n) * valSize); err != nil {
		return nil, err
	}
	if int(n) > len(cx.free) {
		if n > maxShared {
			return make([]cm.Val, n), nil
		}
		cx.shared = max(int(n), min(2*cx.shared, maxShared))
		cx.free = make([]cm.Val, cx.shared)
	}
	out := cx.free[:n:n]
	cx.free = cx.free[n:]
	return out, nil
}

func (n *node) loadRecord(cx *Context, ptr uint32) (cm.Val, error) {
	vs, err := cx.vals(uint32(len(n.fields)))
	if err != nil {
		return cm.Val{}, err
	}
	for i, f := range n.fields {
		if vs[i], err = f.load(cx, ptr+n.offsets[i]); err != nil {
			return cm.Val{}, err
		}
	}
	return cm.ListVal(vs), nil
}

func (n *node) loadVariant(cx *Context, ptr uint32) (cm.Val, error) {
	var i uint32
	switch m := cx.mem[ptr:]; n.disc {
	case 1:
		i = uint32(m[0])
	case 2:
		i = uint32(binary.LittleEndian.Uint16(m))
	default:
		i = binary.LittleEndian.Uint32(m)
	}
	if i >= n.count {
		return cm.Val{}, n.badCase(i)
	}
	c := n.fields[i]
	if c == nil {
		return cm.CaseVal(i, nil), nil
	}
	v, err := c.load(cx, ptr+n.payload)
	if err != nil {
		return cm.Val{}, err
	}
	return cx.caseOf(i, v)
}

func (cx *Context) caseOf(i uint32, v cm.Val) (cm.Val, error) {
	if err := cx.spend(valSize); err != nil {
		return cm.Val{}, err
	}
	return cm.CaseVal(i, &v), nil
}

// wideFlags reads flags of more than 32 labels: up to 64 labels one number, more a list of words.
func (n *node) wideFlags(cx *Context, word func(i uint32) uint32) (cm.Val, error) {
	if n.count == 2 {
		return cm.FlagsVal(uint64(word(0)) | uint64(word(1)&n.mask)<<32), nil
	}
	vs, err := cx.vals(n.count)
	if err != nil {
		return cm.Val{}, err
	}
	for i := range vs {
		vs[i] = cm.U32Val(word(uint32(i)))
	}
	vs[len(vs)-1] = cm.U32Val(vs[len(vs)-1].U32() & n.mask)
	return cm.ListVal(vs), nil
}

// liftHandle turns a handle into what it refers to (CanonicalABI.md §Loading, lift_own, lift_borrow, lift_async_value).
func (n *node) liftHandle(cx *Context, h uint32) (cm.Val, error) {
	if cx.Handles == nil {
		return cm.Val{}, cm.Trapf(cm.TrapBug, "a handle is lifted where there is no handle table")
	}
	if n.op == opAsync {
		object, err := cx.Handles.LiftAsync(n.typ, h)
		if err != nil {
			return cm.Val{}, err
		}
		return cm.AnyVal(object), nil
	}
	lift := cx.Handles.LiftBorrow
	if n.op == opOwn {
		lift = cx.Handles.LiftOwn
	}
	r, err := lift(n.typ.Resource, h)
	if err != nil {
		return cm.Val{}, err
	}
	return cm.ResourceVal(r), nil
}

// liftFlat reads a value from the core stack (CanonicalABI.md §Flat Lifting); it uses n.flat values of s.
func (n *node) liftFlat(cx *Context, s []uint64) (cm.Val, error) {
	switch n.op {
	case opString:
		return cx.loadString(uint32(s[0]), uint32(s[1]))
	case opBytes, opList:
		return n.loadList(cx, uint32(s[0]), uint32(s[1]))
	case opFixedBytes:
		b := make([]byte, n.count)
		for i := range b {
			b[i] = byte(s[i])
		}
		return cm.BytesVal(b), nil
	case opFixedList, opRecord:
		return n.liftFlatFields(cx, s)
	case opVariant:
		return n.liftFlatVariant(cx, s)
	case opWideFlags:
		return n.wideFlags(cx, func(i uint32) uint32 { return uint32(s[i]) })
	case opOwn, opBorrow, opAsync:
		return n.liftHandle(cx, uint32(s[0]))
	}
	return n.scalar(s[0])
}

func (n *node) liftFlatFields(cx *Context, s []uint64) (cm.Val, error) {
	count := uint32(len(n.fields))
	if n.op == opFixedList {
		count = n.count
	}
	vs, err := cx.vals(count)
	if err != nil {
		return cm.Val{}, err
	}
	for i := range vs {
		f := n.elem
		if n.op == opRecord {
			f = n.fields[i]
		}
		if vs[i], err = f.liftFlat(cx, s); err != nil {
			return cm.Val{}, err
		}
		s = s[f.flat:]
	}
	return cm.ListVal(vs), nil
}

// liftFlatVariant ignores the core values that the case's payload does not use.
func (n *node) liftFlatVariant(cx *Context, s []uint64) (cm.Val, error) {
	i := uint32(s[0])
	if i >= n.count {
		return cm.Val{}, n.badCase(i)
	}
	c := n.fields[i]
	if c == nil {
		return cm.CaseVal(i, nil), nil
	}
	v, err := c.liftFlat(cx, s[1:])
	if err != nil {
		return cm.Val{}, err
	}
	return cx.caseOf(i, v)
}
