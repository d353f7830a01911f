package cm

import (
	"math"
	"unsafe"
)

// Val is one component value: 24 bytes, nothing allocated for numbers, and one allocation for what holds other values.
// Which accessor fits is known from the value's type; a Val does not carry its type, only enough to be walked along one.
// The zero Val is the value of an absent result. A Val is immutable by convention; whoever fills a slice handed to a
// constructor must not change it afterwards.
type Val struct {
	bits uint64         // numbers, bool, char; case index of variants; element count of strings and lists; flags up to 64
	ptr  unsafe.Pointer // string bytes, []byte data, []Val data, payload *Val, *Resource
	form form
}

// form tells how ptr is to be read, so that a wrong accessor panics instead of reading wild memory.
type form uint8

const (
	formNone form = iota
	formNum
	formString
	formBytes
	formVals
	formCase // bits: case index, ptr: *Val payload or nil
	formResource
	formAny // ptr: *any
)

// BoolVal, and the functions after it, make a value of the type that their name says.
func BoolVal(b bool) Val {
	if b {
		return Val{bits: 1, form: formNum}
	}
	return Val{form: formNum}
}

// U8Val makes a u8.
func U8Val(v uint8) Val { return Val{bits: uint64(v), form: formNum} }

// U16Val makes a u16.
func U16Val(v uint16) Val { return Val{bits: uint64(v), form: formNum} }

// U32Val makes a u32.
func U32Val(v uint32) Val { return Val{bits: uint64(v), form: formNum} }

// U64Val makes a u64.
func U64Val(v uint64) Val { return Val{bits: v, form: formNum} }

// S8Val makes an s8.
func S8Val(v int8) Val { return Val{bits: uint64(int64(v)), form: formNum} }

// S16Val makes an s16.
func S16Val(v int16) Val { return Val{bits: uint64(int64(v)), form: formNum} }

// S32Val makes an s32.
func S32Val(v int32) Val { return Val{bits: uint64(int64(v)), form: formNum} }

// S64Val makes an s64.
func S64Val(v int64) Val { return Val{bits: uint64(v), form: formNum} }

// F32Val makes an f32.
func F32Val(v float32) Val { return Val{bits: uint64(math.Float32bits(v)), form: formNum} }

// F64Val makes an f64.
func F64Val(v float64) Val { return Val{bits: math.Float64bits(v), form: formNum} }

// CharVal makes a char; r must be a Unicode scalar value.
func CharVal(r rune) Val { return Val{bits: uint64(uint32(r)), form: formNum} }

// FlagsVal makes flags of at most 64 labels: bit i is label i. Longer flags are a ListVal of u32 words, low word first.
func FlagsVal(v uint64) Val { return Val{bits: v, form: formNum} }

// EnumVal makes an enum value by its label's index.
func EnumVal(i uint32) Val { return Val{bits: uint64(i), form: formCase} }

// StringVal makes a string; s must be valid UTF-8.
func StringVal(s string) Val {
	return Val{bits: uint64(len(s)), ptr: unsafe.Pointer(unsafe.StringData(s)), form: formString}
}

// BytesVal makes a list<u8> that shares b.
func BytesVal(b []byte) Val {
	return Val{bits: uint64(len(b)), ptr: unsafe.Pointer(unsafe.SliceData(b)), form: formBytes}
}

// ListVal makes a list, tuple, record (fields in order) or map (tuples of key and value) that shares vs.
func ListVal(vs []Val) Val {
	return Val{bits: uint64(len(vs)), ptr: unsafe.Pointer(unsafe.SliceData(vs)), form: formVals}
}

// CaseVal makes a variant value: case index, and payload or nil. Options use 0 for none and 1 for some; results use 0
// for ok and 1 for error.
func CaseVal(i uint32, payload *Val) Val {
	return Val{bits: uint64(i), ptr: unsafe.Pointer(payload), form: formCase}
}

// None and Some make options.
func None() Val { return CaseVal(0, nil) }

// Some makes an option that holds v.
func Some(v Val) Val { return CaseVal(1, &v) }

// OKVal makes an ok result with a payload.
func OKVal(v Val) Val { return CaseVal(0, &v) }

// ErrVal makes an error result with a payload.
func ErrVal(v Val) Val { return CaseVal(1, &v) }

// ResourceVal makes an own or borrow value.
func ResourceVal(r *Resource) Val { return Val{ptr: unsafe.Pointer(r), form: formResource} }

// AnyVal carries an engine value that has no other form (stream and future ends, error contexts).
func AnyVal(a any) Val { return Val{ptr: unsafe.Pointer(&a), form: formAny} }

func (v Val) want(f form) {
	if v.form != f {
		panic("cm: value read as another type than it is")
	}
}

// Bits is the raw number: any integer, bool, char, flags, or the bits of a float; the case index of variants and enums.
func (v Val) Bits() uint64 { return v.bits }

// IsZero says that there is no value.
func (v Val) IsZero() bool { return v.form == formNone }

// Bool reads a bool. The accessors below read the type that their name says.
func (v Val) Bool() bool { return v.bits != 0 }

// U8 reads a u8.
func (v Val) U8() uint8 { return uint8(v.bits) }

// U16 reads a u16.
func (v Val) U16() uint16 { return uint16(v.bits) }

// U32 reads a u32.
func (v Val) U32() uint32 { return uint32(v.bits) }

// U64 reads a u64.
func (v Val) U64() uint64 { return v.bits }

// S8 reads an s8.
func (v Val) S8() int8 { return int8(v.bits) }

// S16 reads an s16.
func (v Val) S16() int16 { return int16(v.bits) }

// S32 reads an s32.
func (v Val) S32() int32 { return int32(v.bits) }

// S64 reads an s64.
func (v Val) S64() int64 { return int64(v.bits) }

// F32 reads an f32.
func (v Val) F32() float32 { return math.Float32frombits(uint32(v.bits)) }

// F64 reads an f64.
func (v Val) F64() float64 { return math.Float64frombits(v.bits) }

// Char reads a char.
func (v Val) Char() rune { return rune(uint32(v.bits)) }

// Flags reads flags of at most 64 labels.
func (v Val) Flags() uint64 { return v.bits }

// Str reads a string.
func (v Val) Str() string {
	v.want(formString)
	return unsafe.String((*byte)(v.ptr), int(v.bits))
}

// IsBytes says that a list is held as bytes, as every list<u8> from a guest is.
func (v Val) IsBytes() bool { return v.form == formBytes }

// Bytes reads a list<u8>; the slice is shared, not copied.
func (v Val) Bytes() []byte {
	if v.form == formVals { // a host may build a list<u8> from values
		out := make([]byte, v.Len())
		for i, e := range v.List() {
			out[i] = e.U8()
		}
		return out
	}
	v.want(formBytes)
	return unsafe.Slice((*byte)(v.ptr), int(v.bits))
}

// Len is the number of bytes of a string or of elements of a list.
func (v Val) Len() int { return int(v.bits) }

// List reads list elements, record fields or tuple elements; the slice is shared, not copied.
func (v Val) List() []Val {
	if v.form == formBytes {
		out := make([]Val, v.Len())
		for i, b := range v.Bytes() {
			out[i] = U8Val(b)
		}
		return out
	}
	v.want(formVals)
	return unsafe.Slice((*Val)(v.ptr), int(v.bits))
}

// Case reads the case index of a variant, enum, option (1: some) or result (1: error).
func (v Val) Case() uint32 { return uint32(v.bits) }

// Payload reads the payload of a variant, option or result, and whether there is one.
func (v Val) Payload() (Val, bool) {
	v.want(formCase)
	if v.ptr == nil {
		return Val{}, false
	}
	return *(*Val)(v.ptr), true
}

// Resource reads an own or borrow value.
func (v Val) Resource() *Resource {
	v.want(formResource)
	return (*Resource)(v.ptr)
}

// Any reads what AnyVal carries.
func (v Val) Any() any {
	v.want(formAny)
	return *(*any)(v.ptr)
}

// Holds says whether v has the form of a value of kind k, without looking at what it holds: whether the accessors for k
// can read it. Whoever lowers values that a host function made asks it first, because a wrong accessor panics.
func (v Val) Holds(k Kind) bool {
	switch k {
	case KindString:
		return v.form == formString
	case KindRecord, KindTuple, KindMap:
		return v.form == formVals
	case KindList:
		return v.form == formVals || v.form == formBytes
	case KindVariant, KindEnum, KindOption, KindResult:
		return v.form == formCase
	case KindFlags:
		return v.form == formNum || v.form == formVals
	case KindOwn, KindBorrow:
		return v.form == formResource && v.ptr != nil
	case KindStream, KindFuture, KindErrorContext:
		return v.form == formAny
	}
	return v.form == formNum
}
