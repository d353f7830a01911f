package bindgen

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/wit"
)

// This file is the canonical ABI's layout of types (CanonicalABI.md §Alignment, §Element Size, §Flattening), for code inside components,
// which has to know it when it is compiled.

// layouts are the layouts of types that were asked for. Types share others: without this the work doubles with each level.
type layouts struct {
	dims  map[*wit.Type][2]uint32
	flats map[*wit.Type][]string
}

// maxSize is for the size of a type in memory; more than a memory holds is as good as any larger size.
const maxSize = 1 << 30

// payloads are the case types of what the canonical ABI treats as a variant; nil for other types.
func payloads(t *wit.Type) []*wit.Type {
	switch t.Kind {
	case wit.Option:
		return []*wit.Type{nil, t.Elem}
	case wit.Result:
		return []*wit.Type{t.OK, t.Err}
	case wit.Variant:
		all := make([]*wit.Type, len(t.Cases))
		for i, c := range t.Cases {
			all[i] = c.Type
		}
		return all
	}
	return nil
}

// tagSize is the size of the number that says which of n cases it is.
func tagSize(n int) uint32 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

// layout is a type's size and alignment in memory.
func (l *layouts) layout(t *wit.Type) (size, align uint32) {
	t = t.Resolve()
	if had, ok := l.dims[t]; ok {
		return had[0], had[1]
	}
	size, align = l.measure(t)
	size = min(size, maxSize)
	l.dims[t] = [2]uint32{size, align}
	return size, align
}

func (l *layouts) measure(t *wit.Type) (size, align uint32) {
	switch t.Kind {
	case wit.Bool, wit.S8, wit.U8:
		return 1, 1
	case wit.S16, wit.U16:
		return 2, 2
	case wit.S64, wit.U64, wit.F64:
		return 8, 8
	case wit.String, wit.List:
		return 8, 4
	case wit.Enum:
		n := tagSize(len(t.Cases))
		return n, n
	case wit.Flags:
		switch n := len(t.Cases); {
		case n <= 8:
			return 1, 1
		case n <= 16:
			return 2, 2
		}
		return 4, 4
	case wit.Record, wit.Tuple:
		_, size, align = l.offsets(t.Fields)
		return size, align
	case wit.Option, wit.Result, wit.Variant:
		all := payloads(t)
		tag := tagSize(len(all))
		align = tag
		for _, p := range all {
			if p != nil {
				s, a := l.layout(p)
				size, align = max(size, s), max(align, a)
			}
		}
		return roundUp(roundUp(tag, align)+size, align), align
	}
	return 4, 4
}

// payloadOffset is where the payload of a variant's cases is.
func (l *layouts) payloadOffset(t *wit.Type) uint32 {
	all := payloads(t)
	at := tagSize(len(all))
	for _, p := range all {
		if p != nil {
			_, a := l.layout(p)
			at = max(at, a) // both are powers of two, and the tag is no larger than one of them
		}
	}
	return at
}

// offsets are the offsets of consecutive fields, and the size and alignment of the whole.
func (l *layouts) offsets(fields []wit.Field) (at []uint32, size, align uint32) {
	align = 1
	for _, f := range fields {
		s, a := l.layout(f.Type)
		size, align = roundUp(size, a), max(align, a)
		at = append(at, size)
		size = min(size+s, maxSize)
	}
	return at, roundUp(size, align), align
}

func roundUp(n, align uint32) uint32 { return (n + align - 1) / align * align }

// The Go types of core values.
const (
	coreI32 = "uint32"
	coreI64 = "uint64"
	coreF32 = "float32"
	coreF64 = "float64"
)

const (
	maxFlatParams      = 16
	maxFlatAsyncParams = 4 // of functions that are called asynchronously
	maxFlatResults     = 1
)

// flatten gives the Go types of the core values that a type is passed as, or some that are more than any function has.
func (l *layouts) flatten(t *wit.Type) []string {
	t = t.Resolve()
	flat, ok := l.flats[t]
	if !ok {
		flat = l.flattenOne(t)
		flat = flat[:min(len(flat), maxFlatParams+1)]
		l.flats[t] = flat
	}
	return slices.Clone(flat)
}

func (l *layouts) flattenOne(t *wit.Type) []string {
	switch t.Kind {
	case wit.S64, wit.U64:
		return []string{coreI64}
	case wit.F32:
		return []string{coreF32}
	case wit.F64:
		return []string{coreF64}
	case wit.String, wit.List:
		return []string{coreI32, coreI32}
	case wit.Record, wit.Tuple:
		return l.flattenFields(t.Fields)
	case wit.Option, wit.Result, wit.Variant:
		flat := []string{coreI32}
		for _, p := range payloads(t) {
			if p == nil {
				continue
			}
			for i, c := range l.flatten(p) {
				if i++; i < len(flat) {
					flat[i] = join(flat[i], c)
				} else {
					flat = append(flat, c)
				}
			}
		}
		return flat
	}
	return []string{coreI32}
}

func (l *layouts) flattenFields(fields []wit.Field) (flat []string) {
	for _, f := range fields {
		if flat = append(flat, l.flatten(f.Type)...); len(flat) > maxFlatParams {
			break
		}
	}
	return flat
}

// join is the core type that can hold either of two (CanonicalABI.md §Flattening).
func join(a, b string) string {
	switch {
	case a == b:
		return a
	case a == coreI32 && b == coreF32, a == coreF32 && b == coreI32:
		return coreI32
	}
	return coreI64
}
