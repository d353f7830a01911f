package cm

import (
	"bytes"
	"math"
	"testing"
	"unsafe"
)

func TestValSize(t *testing.T) {
	if s := unsafe.Sizeof(Val{}); s != 24 {
		t.Errorf("a Val has %d bytes, want 24", s)
	}
}

func TestValNumbers(t *testing.T) {
	if !BoolVal(true).Bool() || BoolVal(false).Bool() || U8Val(255).U8() != 255 || U16Val(65535).U16() != 65535 ||
		U32Val(math.MaxUint32).U32() != math.MaxUint32 || U64Val(math.MaxUint64).U64() != math.MaxUint64 ||
		S8Val(-128).S8() != -128 || S16Val(-1).S16() != -1 || S32Val(math.MinInt32).S32() != math.MinInt32 ||
		S64Val(math.MinInt64).S64() != math.MinInt64 || F32Val(-1.5).F32() != -1.5 || F64Val(math.Pi).F64() != math.Pi ||
		CharVal('☃').Char() != '☃' || FlagsVal(5).Flags() != 5 || EnumVal(3).Case() != 3 {
		t.Error("a number came back changed")
	}
	if !(Val{}).IsZero() || U8Val(0).IsZero() {
		t.Error("IsZero")
	}
}

func TestValParts(t *testing.T) {
	if s := StringVal("hö"); s.Str() != "hö" || s.Len() != 3 || StringVal("").Str() != "" {
		t.Error("string")
	}
	b := []byte{1, 2}
	if v := BytesVal(b); !v.IsBytes() || &v.Bytes()[0] != &b[0] || len(v.List()) != 2 || v.List()[1].U8() != 2 {
		t.Error("bytes")
	}
	if v := ListVal([]Val{U8Val(1), U8Val(2)}); v.IsBytes() || v.Len() != 2 || !bytes.Equal(v.Bytes(), b) {
		t.Error("list as bytes")
	}
	if len(ListVal(nil).List()) != 0 || len(BytesVal(nil).Bytes()) != 0 {
		t.Error("empty list")
	}
	if p, ok := Some(U8Val(4)).Payload(); !ok || p.U8() != 4 {
		t.Error("some")
	}
	if _, ok := None().Payload(); ok {
		t.Error("none")
	}
	if OKVal(Val{}).Case() != 0 || ErrVal(Val{}).Case() != 1 || CaseVal(7, nil).Case() != 7 {
		t.Error("case")
	}
	r := NewResource(&ResourceType{}, 1)
	if ResourceVal(r).Resource() != r || AnyVal("x").Any() != "x" {
		t.Error("resource or any")
	}
}

// A wrong accessor panics instead of reading wild memory.
func TestValWrongAccessor(t *testing.T) {
	for name, f := range map[string]func(){
		"number as string":   func() { U64Val(1 << 40).Str() },
		"number as list":     func() { U64Val(1 << 40).List() },
		"number as bytes":    func() { U64Val(1 << 40).Bytes() },
		"string as list":     func() { StringVal("x").List() },
		"case as list":       func() { None().List() },
		"list as payload":    func() { ListVal(nil).Payload() },
		"case as resource":   func() { None().Resource() },
		"resource as any":    func() { ResourceVal(nil).Any() },
		"nothing as payload": func() { Val{}.Payload() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
