package corewasm

import "github.com/vitrine-wasm/vitrine/internal/cm/binary"

// Value types of one byte; see binary.CoreValType.
const (
	valI32    binary.CoreValType = 0x7f
	valV128   binary.CoreValType = 0x7b
	valFunc   binary.CoreValType = 0x70
	valExtern binary.CoreValType = 0x6f
	valExn    binary.CoreValType = 0x69
	// valRef and valRefNull begin (ref $t) and (ref null $t).
	valRef     binary.CoreValType = 0x64
	valRefNull binary.CoreValType = 0x63
)

// valType reads a value type.
func (r *reader) valType(f *feature) binary.CoreValType {
	c := binary.CoreValType(r.byte())
	switch c {
	case 0x7f, 0x7e, 0x7d, 0x7c:
	case valV128:
		*f |= simd
	case valFunc, valExtern:
		*f |= referenceTypes
	case valExn:
		r.pos--
		r.unsupported(exceptions)
	case valRef, valRefNull:
		at := r.pos - 1
		if r.heapType(); r.err == nil {
			r.pos = at
			r.unsupported(typedReferences)
		}
	case 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73, 0x74, 0x78, 0x77:
		r.pos--
		r.unsupported(garbage)
	default:
		if r.err == nil {
			r.pos--
			r.fail("0x%x is no value type", byte(c))
		}
	}
	return c
}

// heapType reads a heap type.
func (r *reader) heapType() {
	start := r.pos
	switch v := r.sleb(33); {
	case r.err != nil || v == -16 || v == -17:
	case v >= 0:
		r.pos = start
		r.unsupported(typedReferences)
	case v == -23 || v == -12:
		r.pos = start
		r.unsupported(exceptions)
	default:
		r.pos = start
		r.unsupported(garbage)
	}
}

// refType reads a reference type.
func (r *reader) refType(f *feature) binary.CoreValType {
	start := r.pos
	t := r.valType(f)
	switch t {
	case valFunc, valExtern:
	default:
		if r.err == nil {
			r.pos = start
			r.fail("0x%x is no reference type", byte(t))
		}
	}
	return t
}

func (r *reader) valTypes(what string, limit int, f *feature) []binary.CoreValType {
	n := r.count(what, limit)
	if n == 0 {
		return nil
	}
	ts := make([]binary.CoreValType, n)
	for i := range ts {
		ts[i] = r.valType(f)
	}
	return ts
}

// funcType reads a function type behind its 0x60.
func (r *reader) funcType(f *feature) binary.CoreFuncType {
	t := binary.CoreFuncType{Params: r.valTypes("parameters", maxParams, f), Results: r.valTypes("results", maxResults, f)}
	if len(t.Results) > 1 {
		*f |= multiValue
	}
	return t
}

// limits reads the limits of a memory or table.
func (r *reader) limits(d *binary.CoreExternDesc, memory bool) {
	at := r.pos
	flags := r.byte()
	switch {
	case flags > 0x0f:
		r.pos = at
		r.fail("limits flags 0x%x", flags)
	case flags&0x08 != 0:
		r.pos = at
		r.unsupported(customPageSizes)
	case flags&0x04 != 0:
		r.pos = at
		r.unsupported(memory64)
	case flags&0x02 != 0:
		r.pos = at
		r.unsupported(threads)
	}
	d.Min = uint64(r.u32())
	if flags&1 != 0 {
		d.HasMax = true
		d.Max = uint64(r.u32())
	}
	if memory && r.err == nil && (d.Min > 65536 || d.Max > 65536) {
		r.fail("memory size must be at most 65536 pages")
	}
	if d.HasMax && d.Max < d.Min && r.err == nil {
		r.fail("size minimum must not be greater than maximum")
	}
}

func (r *reader) tableType(d *binary.CoreExternDesc, f *feature) {
	d.Sort = binary.SortCoreTable
	d.Val = r.refType(f)
	r.limits(d, false)
}

func (r *reader) memoryType(d *binary.CoreExternDesc) {
	d.Sort = binary.SortCoreMemory
	r.limits(d, true)
}

func (r *reader) globalType(d *binary.CoreExternDesc, f *feature) {
	d.Sort = binary.SortCoreGlobal
	d.Val = r.valType(f)
	switch m := r.byte(); m {
	case 0:
	case 1:
		d.Mutable = true
	default:
		r.fail("mutability 0x%x", m)
	}
}
