package cabi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// NoHost is what calling an import panics with outside of a component.
const NoHost = "cabi: this is no component, so there is no host to call: build with GOOS=wasip1, or ask cabi.InComponent before"

// LowerBool writes a bool.
func LowerBool(at uint32, v bool) {
	b := uint8(0)
	if v {
		b = 1
	}
	LowerU8(at, b)
}

// LowerU8 writes a u8.
func LowerU8(at uint32, v uint8) { memory(at, 1)[0] = v }

// LowerU16 writes a u16.
func LowerU16(at uint32, v uint16) { binary.LittleEndian.PutUint16(memory(at, 2), v) }

// LowerU32 writes a u32, or a handle.
func LowerU32(at uint32, v uint32) { binary.LittleEndian.PutUint32(memory(at, 4), v) }

// LowerU64 writes a u64.
func LowerU64(at uint32, v uint64) { binary.LittleEndian.PutUint64(memory(at, 8), v) }

// LowerS8 writes an s8.
func LowerS8(at uint32, v int8) { LowerU8(at, uint8(v)) }

// LowerS16 writes an s16.
func LowerS16(at uint32, v int16) { LowerU16(at, uint16(v)) }

// LowerS32 writes an s32.
func LowerS32(at uint32, v int32) { LowerU32(at, uint32(v)) }

// LowerS64 writes an s64.
func LowerS64(at uint32, v int64) { LowerU64(at, uint64(v)) }

// LowerF32 writes an f32.
func LowerF32(at uint32, v float32) { LowerU32(at, math.Float32bits(v)) }

// LowerF64 writes an f64.
func LowerF64(at uint32, v float64) { LowerU64(at, math.Float64bits(v)) }

// LowerChar writes a char; what is no Unicode scalar value becomes U+FFFD.
func LowerChar(at uint32, v rune) { LowerU32(at, Char(v)) }

// Char is a char as a number that the canonical ABI admits.
func Char(v rune) uint32 {
	if !utf8.ValidRune(v) {
		v = utf8.RuneError
	}
	return uint32(v)
}

// LiftBool reads a bool.
func LiftBool(at uint32) bool { return memory(at, 1)[0] != 0 }

// LiftU8 reads a u8.
func LiftU8(at uint32) uint8 { return memory(at, 1)[0] }

// LiftU16 reads a u16.
func LiftU16(at uint32) uint16 { return binary.LittleEndian.Uint16(memory(at, 2)) }

// LiftU32 reads a u32, or a handle.
func LiftU32(at uint32) uint32 { return binary.LittleEndian.Uint32(memory(at, 4)) }

// LiftU64 reads a u64.
func LiftU64(at uint32) uint64 { return binary.LittleEndian.Uint64(memory(at, 8)) }

// LiftS8 reads an s8.
func LiftS8(at uint32) int8 { return int8(LiftU8(at)) }

// LiftS16 reads an s16.
func LiftS16(at uint32) int16 { return int16(LiftU16(at)) }

// LiftS32 reads an s32.
func LiftS32(at uint32) int32 { return int32(LiftU32(at)) }

// LiftS64 reads an s64.
func LiftS64(at uint32) int64 { return int64(LiftU64(at)) }

// LiftF32 reads an f32.
func LiftF32(at uint32) float32 { return math.Float32frombits(LiftU32(at)) }

// LiftF64 reads an f64.
func LiftF64(at uint32) float64 { return math.Float64frombits(LiftU64(at)) }

// LiftChar reads a char.
func LiftChar(at uint32) rune { return rune(LiftU32(at)) }

// Bool is a bool as the number that it is passed as.
func Bool(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

// String copies a string into the room, and gives its address and length. Bytes that are no UTF-8 become U+FFFD: the canonical ABI
// has the host trap on them.
func String(s string) (at, n uint32) {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	n = uint32(len(s))
	at = Alloc(n, 1)
	copy(memory(at, n), s)
	return at, n
}

// Bytes copies bytes into the room, and gives their address and length.
func Bytes(b []byte) (at, n uint32) {
	at = Alloc(uint32(len(b)), 1)
	copy(memory(at, uint32(len(b))), b)
	return at, uint32(len(b))
}

// TakeString copies a string that the host has written, and releases its memory.
func TakeString(at, n uint32) string {
	s := string(memory(at, n))
	Release(at, n)
	return s
}

// TakeBytes copies bytes that the host has written, and releases their memory.
func TakeBytes(at, n uint32) []byte {
	b := append([]byte{}, memory(at, n)...)
	Release(at, n)
	return b
}

// LowerString writes a string.
func LowerString(at uint32, v string) {
	p, n := String(v)
	lowerSpan(at, p, n)
}

// LowerBytes writes a list<u8>.
func LowerBytes(at uint32, v []byte) {
	p, n := Bytes(v)
	lowerSpan(at, p, n)
}

// lowerSpan writes where a string or a list is, and its length.
func lowerSpan(at, p, n uint32) {
	LowerU32(at, p)
	LowerU32(at+4, n)
}

// LiftString reads a string.
func LiftString(at uint32) string { return TakeString(LiftU32(at), LiftU32(at+4)) }

// LiftBytes reads a list<u8>.
func LiftBytes(at uint32) []byte { return TakeBytes(LiftU32(at), LiftU32(at+4)) }

// LowerList writes a list of elements of a size and an alignment.
func LowerList[T any](at uint32, list []T, size, align uint32, lower func(uint32, T)) {
	if n := uint64(len(list)) * uint64(size); n > math.MaxInt32 {
		panic("cabi: a list is larger than memory can be")
	}
	p := Alloc(uint32(len(list))*size, align)
	for i, v := range list {
		lower(p+uint32(i)*size, v)
	}
	lowerSpan(at, p, uint32(len(list)))
}

// LiftList reads a list.
func LiftList[T any](at uint32, size uint32, lift func(uint32) T) []T {
	p, n := LiftU32(at), LiftU32(at+4)
	list := make([]T, n)
	for i := range list {
		list[i] = lift(p + uint32(i)*size)
	}
	Release(p, n*size)
	return list
}

// LowerOption writes an option, whose value is at an offset.
func LowerOption[T any](at uint32, v *T, offset uint32, lower func(uint32, T)) {
	LowerBool(at, v != nil)
	if v != nil {
		lower(at+offset, *v)
	}
}

// LiftOption reads an option.
func LiftOption[T any](at uint32, offset uint32, lift func(uint32) T) *T {
	if !LiftBool(at) {
		return nil
	}
	v := lift(at + offset)
	return &v
}
