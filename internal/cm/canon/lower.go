package canon

import (
	"encoding/binary"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// store writes a value to memory (CanonicalABI.md §Storing). The caller has checked that ptr is aligned and that size
// bytes are in bounds; memory only grows, so that this holds after a realloc too.
func (n *node) store(cx *Context, v cm.Val, ptr uint32) error {
	if !v.Holds(n.kind) {
		return n.badForm()
	}
	switch n.op {
	case opString:
		return cx.storePair(ptr, v, (*Context).lowerString)
	case opBytes, opList:
		return cx.storePair(ptr, v, n.lowerList)
	case opFixedBytes, opFixedList:
		if v.Len() != int(n.count) {
			return n.badLen(v.Len(), n.count)
		}
		return n.storeElems(cx, v, ptr)
	case opRecord:
		return n.storeRecord(cx, v, ptr)
	case opVariant:
		return n.storeVariant(cx, v, ptr)
	case opWideFlags:
		return n.wideWords(v, func(i int, w uint32) { binary.LittleEndian.PutUint32(cx.mem[ptr+4*uint32(i):], w) })
	}
	x, err := n.lowerScalar(cx, v)
	if err != nil {
		return err
	}
	put(cx.mem[ptr:], n.size, x)
	return nil
}

// put writes the low size bytes of x.
func put(m []byte, size uint32, x uint64) {
	switch size {
	case 1:
		m[0] = byte(x)
	case 2:
		binary.LittleEndian.PutUint16(m, uint16(x))
	case 4:
		binary.LittleEndian.PutUint32(m, uint32(x))
	default:
		binary.LittleEndian.PutUint64(m, x)
	}
}

// storePair writes the pointer and length of a value that lower has written elsewhere.
func (cx *Context) storePair(ptr uint32, v cm.Val, lower func(*Context, cm.Val) (uint32, uint32, error)) error {
	p, length, err := lower(cx, v)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(cx.mem[ptr:], p)
	binary.LittleEndian.PutUint32(cx.mem[ptr+4:], length)
	return nil
}

func (n *node) badForm() error {
	return cm.Trapf(cm.TrapHost, "host value is no %s", n.typ)
}

func (n *node) badLen(got int, want uint32) error {
	return cm.Trapf(cm.TrapHost, "host value of type %s has %d parts, want %d", n.typ, got, want)
}

// lowerScalar gives the core value of a type that is one; a new handle for a resource.
func (n *node) lowerScalar(cx *Context, v cm.Val) (uint64, error) {
	switch x := v.Bits(); n.op {
	case opBool:
		if x != 0 {
			return 1, nil
		}
		return 0, nil
	case opU8:
		return uint64(uint8(x)), nil
	case opU16:
		return uint64(uint16(x)), nil
	case opS8:
		return uint64(uint32(int8(x))), nil
	case opS16:
		return uint64(uint32(int16(x))), nil
	case opU32, opS32:
		return uint64(uint32(x)), nil
	case opU64, opS64:
		return x, nil
	case opF32:
		return uint64(float32Bits(uint32(x))), nil
	case opF64:
		return float64Bits(x), nil
	case opChar:
		if _, err := liftChar(uint32(x)); err != nil || x > 0x10ffff {
			return 0, cm.Trapf(cm.TrapHost, "host value %#x is no Unicode scalar value", x)
		}
		return x, nil
	case opFlags:
		if !v.Holds(cm.KindU32) {
			return 0, n.badForm()
		}
		return uint64(uint32(x) & n.mask), nil
	case opEnum:
		if x >= uint64(n.count) {
			return 0, cm.Trapf(cm.TrapHost, "host value is case %d of %s, which has %d", x, n.typ, n.count)
		}
		return x, nil
	}
	h, err := n.lowerHandle(cx, v)
	return uint64(h), err
}

// lowerHandle adds a handle (CanonicalABI.md §Storing, lower_own and lower_borrow).
func (n *node) lowerHandle(cx *Context, v cm.Val) (uint32, error) {
	switch {
	case cx.Handles == nil:
		return 0, cm.Trapf(cm.TrapBug, "a handle is lowered where there is no handle table")
	case n.op == opAsync:
		return cx.Handles.LowerAsync(n.typ, v.Any())
	case n.op == opOwn:
		return cx.Handles.LowerOwn(n.typ.Resource, v.Resource())
	}
	return cx.Handles.LowerBorrow(n.typ.Resource, v.Resource())
}

// lowerList writes the elements to memory from realloc, which is called for empty lists too (CanonicalABI.md §Storing,
// store_list_into_range).
func (n *node) lowerList(cx *Context, v cm.Val) (ptr, length uint32, err error) {
	size := uint64(v.Len()) * uint64(n.elem.size)
	if size > types.MaxSize {
		return 0, 0, cm.Trapf(cm.TrapTooLong, "list of %d elements takes %d bytes, at most %d", v.Len(), size, types.MaxSize)
	}
	if ptr, err = cx.realloc(0, 0, n.elem.align, uint32(size)); err != nil {
		return 0, 0, err
	}
	return ptr, uint32(v.Len()), n.storeElems(cx, v, ptr)
}

func (n *node) storeElems(cx *Context, v cm.Val, ptr uint32) error {
	if n.elem.op == opU8 && v.IsBytes() {
		copy(cx.mem[ptr:], v.Bytes())
		return nil
	}
	e := n.elem
	for i, x := range v.List() {
		if err := e.store(cx, x, ptr+uint32(i)*e.size); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) storeRecord(cx *Context, v cm.Val, ptr uint32) error {
	vs := v.List()
	if len(vs) != len(n.fields) {
		return n.badLen(len(vs), uint32(len(n.fields)))
	}
	for i, f := range n.fields {
		if err := f.store(cx, vs[i], ptr+n.offsets[i]); err != nil {
			return err
		}
	}
	return nil
}

// payloadOf checks the case of a variant value and gives its payload's type and value; nil where it has none.
func (n *node) payloadOf(v cm.Val) (*node, cm.Val, error) {
	if uint64(n.count) <= v.Bits() {
		return nil, cm.Val{}, cm.Trapf(cm.TrapHost, "host value is case %d of %s, which has %d", v.Bits(), n.typ, n.count)
	}
	c := n.fields[v.Case()]
	if c == nil {
		return nil, cm.Val{}, nil
	}
	p, ok := v.Payload()
	if !ok {
		return nil, cm.Val{}, cm.Trapf(cm.TrapHost, "host value of type %s lacks the payload of case %d", n.typ, v.Case())
	}
	return c, p, nil
}

func (n *node) storeVariant(cx *Context, v cm.Val, ptr uint32) error {
	c, p, err := n.payloadOf(v)
	if err != nil {
		return err
	}
	put(cx.mem[ptr:], n.disc, uint64(v.Case()))
	if c == nil {
		return nil
	}
	return c.store(cx, p, ptr+n.payload)
}

// wideWords gives the words of flags with more than 32 labels.
func (n *node) wideWords(v cm.Val, word func(i int, w uint32)) error {
	if n.count == 2 {
		if !v.Holds(cm.KindU64) {
			return n.badForm()
		}
		word(0, uint32(v.Flags()))
		word(1, uint32(v.Flags()>>32)&n.mask)
		return nil
	}
	if !v.Holds(cm.KindRecord) || v.Len() != int(n.count) {
		return n.badForm()
	}
	for i, w := range v.List() {
		x := w.U32()
		if i == v.Len()-1 {
			x &= n.mask
		}
		word(i, x)
	}
	return nil
}

// lowerFlat writes a value to the core stack (CanonicalABI.md §Flat Lowering); it sets n.flat values of s.
func (n *node) lowerFlat(cx *Context, v cm.Val, s []uint64) (err error) {
	if !v.Holds(n.kind) {
		return n.badForm()
	}
	var p, length uint32
	switch n.op {
	case opString:
		p, length, err = cx.lowerString(v)
		s[0], s[1] = uint64(p), uint64(length)
		return err
	case opBytes, opList:
		p, length, err = n.lowerList(cx, v)
		s[0], s[1] = uint64(p), uint64(length)
		return err
	case opFixedBytes, opFixedList, opRecord:
		return n.lowerFlatFields(cx, v, s)
	case opVariant:
		return n.lowerFlatVariant(cx, v, s)
	case opWideFlags:
		return n.wideWords(v, func(i int, w uint32) { s[i] = uint64(w) })
	}
	s[0], err = n.lowerScalar(cx, v)
	return err
}

func (n *node) lowerFlatFields(cx *Context, v cm.Val, s []uint64) error {
	count := n.count
	if n.op == opRecord {
		count = uint32(len(n.fields))
	}
	if v.Len() != int(count) {
		return n.badLen(v.Len(), count)
	}
	for i, x := range v.List() {
		f := n.elem
		if n.op == opRecord {
			f = n.fields[i]
		}
		if err := f.lowerFlat(cx, x, s); err != nil {
			return err
		}
		s = s[f.flat:]
	}
	return nil
}

// lowerFlatVariant sets the core values that the payload does not use to zero.
func (n *node) lowerFlatVariant(cx *Context, v cm.Val, s []uint64) error {
	c, p, err := n.payloadOf(v)
	if err != nil {
		return err
	}
	s[0] = uint64(v.Case())
	used := uint32(1)
	if c != nil {
		if err := c.lowerFlat(cx, p, s[1:]); err != nil {
			return err
		}
		used += c.flat
	}
	clear(s[used:n.flat])
	return nil
}
