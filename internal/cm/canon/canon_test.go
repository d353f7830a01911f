package canon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

var encodings = map[string]binary.StringEncoding{
	"utf8": binary.UTF8, "utf16": binary.UTF16, "latin1+utf16": binary.Latin1UTF16,
}

// samples has a value or more of every shape.
func samples() []struct {
	t  *cm.Type
	vs []cm.Val
} {
	u8, u32, str := k(cm.KindU8), k(cm.KindU32), k(cm.KindString)
	ss := func(xs ...string) cm.Val {
		var vs []cm.Val
		for _, x := range xs {
			vs = append(vs, cm.StringVal(x))
		}
		return cm.ListVal(vs)
	}
	pair := func(a, b cm.Val) cm.Val { return cm.ListVal([]cm.Val{a, b}) }
	return []struct {
		t  *cm.Type
		vs []cm.Val
	}{
		{k(cm.KindBool), []cm.Val{cm.BoolVal(true), cm.BoolVal(false)}},
		{u8, []cm.Val{cm.U8Val(255)}},
		{k(cm.KindS8), []cm.Val{cm.S8Val(-128), cm.S8Val(127)}},
		{k(cm.KindU16), []cm.Val{cm.U16Val(65535)}},
		{k(cm.KindS16), []cm.Val{cm.S16Val(-32768)}},
		{u32, []cm.Val{cm.U32Val(math.MaxUint32)}},
		{k(cm.KindS32), []cm.Val{cm.S32Val(math.MinInt32)}},
		{k(cm.KindU64), []cm.Val{cm.U64Val(math.MaxUint64)}},
		{k(cm.KindS64), []cm.Val{cm.S64Val(math.MinInt64), cm.S64Val(-1)}},
		{k(cm.KindF32), []cm.Val{cm.F32Val(-1.5), cm.F32Val(float32(math.Inf(1)))}},
		{k(cm.KindF64), []cm.Val{cm.F64Val(math.Pi), cm.F64Val(math.Copysign(0, -1))}},
		{k(cm.KindChar), []cm.Val{cm.CharVal(0), cm.CharVal(0xd7ff), cm.CharVal(0xe000), cm.CharVal(0x10ffff)}},
		{str, []cm.Val{cm.StringVal(""), cm.StringVal("plain"), cm.StringVal("hö☃🍰"), cm.StringVal("naïve"), cm.StringVal("é☃")}},
		{typ(cm.KindList, u8), []cm.Val{cm.BytesVal(nil), cm.BytesVal([]byte("bytes"))}},
		{typ(cm.KindList, k(cm.KindS16)), []cm.Val{cm.ListVal([]cm.Val{cm.S16Val(-1), cm.S16Val(2)})}},
		{typ(cm.KindList, k(cm.KindF64)), []cm.Val{cm.ListVal([]cm.Val{cm.F64Val(1), cm.F64Val(2)})}},
		{typ(cm.KindList, str), []cm.Val{ss(), ss("a", "ö", "☃")}},
		{typ(cm.KindList, typ(cm.KindList, str)), []cm.Val{cm.ListVal([]cm.Val{ss("x"), ss(), ss("y", "z")})}},
		{fixed(u8, 3), []cm.Val{cm.BytesVal([]byte{1, 2, 3})}},
		{fixed(str, 2), []cm.Val{ss("one", "two")}},
		{fixed(u32, 20), []cm.Val{cm.ListVal(make20())}},
		{typ(cm.KindRecord, u8, str, k(cm.KindU64)), []cm.Val{cm.ListVal([]cm.Val{cm.U8Val(1), cm.StringVal("r"), cm.U64Val(9)})}},
		{typ(cm.KindTuple, k(cm.KindF32), k(cm.KindF64)), []cm.Val{pair(cm.F32Val(1), cm.F64Val(2))}},
		{typ(cm.KindVariant, nil, u32, k(cm.KindF32), k(cm.KindF64), str), []cm.Val{
			cm.CaseVal(0, nil), some(1, cm.U32Val(7)), some(2, cm.F32Val(-2)), some(3, cm.F64Val(4)), some(4, cm.StringVal("v"))}},
		{labelled(cm.KindEnum, 300), []cm.Val{cm.EnumVal(0), cm.EnumVal(299)}},
		{typ(cm.KindOption, typ(cm.KindOption, str)), []cm.Val{cm.None(), cm.Some(cm.None()), cm.Some(cm.Some(cm.StringVal("o")))}},
		{typ(cm.KindResult, str, k(cm.KindF32)), []cm.Val{cm.OKVal(cm.StringVal("ok")), cm.ErrVal(cm.F32Val(3))}},
		{typ(cm.KindResult, nil, nil), []cm.Val{cm.CaseVal(0, nil), cm.CaseVal(1, nil)}},
		{labelled(cm.KindFlags, 5), []cm.Val{cm.FlagsVal(0b10101)}},
		{labelled(cm.KindFlags, 16), []cm.Val{cm.FlagsVal(0xffff)}},
		{labelled(cm.KindFlags, 32), []cm.Val{cm.FlagsVal(0x80000001)}},
		{labelled(cm.KindFlags, 40), []cm.Val{cm.FlagsVal(0xff00000001)}},
		{labelled(cm.KindFlags, 70), []cm.Val{cm.ListVal([]cm.Val{cm.U32Val(1), cm.U32Val(2), cm.U32Val(0x3f)})}},
		{typ(cm.KindMap, str, u32), []cm.Val{cm.ListVal([]cm.Val{pair(cm.StringVal("a"), cm.U32Val(1)), pair(cm.StringVal("b"), cm.U32Val(2))})}},
	}
}

func make20() []cm.Val {
	vs := make([]cm.Val, 20)
	for i := range vs {
		vs[i] = cm.U32Val(uint32(i))
	}
	return vs
}

func some(i uint32, v cm.Val) cm.Val { return cm.CaseVal(i, &v) }

// What is lowered into a guest is lifted out of it again, flat and in memory, as parameter and as result.
func TestRoundTrip(t *testing.T) {
	many := make([]*cm.Type, 17) // past the flat parameters
	for i := range many {
		many[i] = k(cm.KindU8)
	}
	for name, enc := range encodings {
		for _, s := range samples() {
			for i, v := range s.vs {
				t.Run(fmt.Sprintf("%s/%s/%d", name, s.t, i), func(t *testing.T) {
					g := newGuest(64)
					cx := g.context(enc)

					f := compile(t, fn(s.t, s.t))
					stack := make([]uint64, f.StackLen())
					check(t, f.LowerArgs(cx, []cm.Val{v}, stack))
					dst := make([]cm.Val, 1)
					check(t, f.LiftArgs(cx, stack, dst))
					if !same(s.t, v, dst[0]) {
						t.Fatalf("as argument: got %+v, want %+v", dst[0], v)
					}

					// the result: the return area first, then as the lifted function hands it back
					area, err := g.realloc(context.Background(), 0, 0, 8, 1024)
					check(t, err)
					if n := len(f.CoreParams); n > len(f.LiftedParams) {
						stack[n-1] = uint64(area)
					}
					check(t, f.LowerResult(cx, v, stack))
					if len(f.CoreParams) > len(f.LiftedParams) {
						stack[0] = uint64(area)
					}
					got, err := f.LiftResult(cx, stack)
					check(t, err)
					if !same(s.t, v, got) {
						t.Fatalf("as result: got %+v, want %+v", got, v)
					}

					spilled := compile(t, fn(nil, append(many, s.t)...))
					if len(spilled.LiftedParams) != 1 || !spilled.LiftedNeedsRealloc {
						t.Fatal("18 parameters do not spill")
					}
					args := make([]cm.Val, 18)
					for i := range 17 {
						args[i] = cm.U8Val(uint8(i))
					}
					args[17] = v
					check(t, spilled.LowerArgs(cx, args, stack))
					dst = make([]cm.Val, 18)
					check(t, spilled.LiftArgs(cx, stack, dst))
					if !same(s.t, v, dst[17]) || dst[16].U8() != 16 {
						t.Fatalf("spilled: got %+v, want %+v", dst[17], v)
					}
				})
			}
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignatures(t *testing.T) {
	u8, u32, str := k(cm.KindU8), k(cm.KindU32), k(cm.KindString)
	for name, c := range map[string]struct {
		f                     *cm.FuncType
		lowered, lifted       string
		memory, realloc, back bool // back: the lifted function needs realloc
	}{
		"()":                    {fn(nil), "->", "->", false, false, false},
		"(u32)->u32":            {fn(u32, u32), "i->i", "i->i", false, false, false},
		"(string)->string":      {fn(str, str), "iii->", "ii->i", true, true, true},
		"(string)":              {fn(nil, str), "ii->", "ii->", true, false, true},
		"()->tuple<u8, u8>":     {fn(typ(cm.KindTuple, u8, u8)), "i->", "->i", true, false, false},
		"()->tuple<f64>":        {fn(typ(cm.KindTuple, k(cm.KindF64))), "->d", "->d", false, false, false},
		"16 parameters":         {fn(nil, fixed(u8, 16)), "iiiiiiiiiiiiiiii->", "iiiiiiiiiiiiiiii->", false, false, false},
		"17 parameters":         {fn(nil, fixed(u8, 17)), "i->", "i->", true, false, true},
		"17 parameters, result": {fn(str, fixed(u8, 17)), "ii->", "i->i", true, true, true},
		"list in a list result": {fn(typ(cm.KindOption, u32), k(cm.KindF32), k(cm.KindS64)), "fli->", "fl->i", true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := compile(t, c.f)
			sig := func(p, r []binary.CoreValType) string {
				letters := map[binary.CoreValType]string{0x7f: "i", 0x7e: "l", 0x7d: "f", 0x7c: "d"}
				s := ""
				for _, x := range p {
					s += letters[x]
				}
				s += "->"
				for _, x := range r {
					s += letters[x]
				}
				return s
			}
			if got := sig(f.CoreParams, f.CoreResults); got != c.lowered {
				t.Errorf("lowered %s, want %s", got, c.lowered)
			}
			if got := sig(f.LiftedParams, f.LiftedResults); got != c.lifted {
				t.Errorf("lifted %s, want %s", got, c.lifted)
			}
			if f.NeedsMemory != c.memory || f.LiftedNeedsMemory != c.memory || f.NeedsRealloc != c.realloc || f.LiftedNeedsRealloc != c.back {
				t.Errorf("needs %t %t %t %t", f.NeedsMemory, f.LiftedNeedsMemory, f.NeedsRealloc, f.LiftedNeedsRealloc)
			}
		})
	}
}

// Bits beyond a type's width, of unlabelled flags, and of NaNs do not pass (CanonicalABI.md §Flat Lifting).
func TestLiftNormalises(t *testing.T) {
	for name, c := range map[string]struct {
		t          *cm.Type
		core, want uint64
	}{
		"bool 2":         {k(cm.KindBool), 2, 1},
		"bool high half": {k(cm.KindBool), 1 << 32, 0},
		"u8":             {k(cm.KindU8), 0xf01, 1},
		"s8":             {k(cm.KindS8), 0xffffffff, math.MaxUint64},
		"u16":            {k(cm.KindU16), 0xff0000, 0},
		"s16":            {k(cm.KindS16), 0xffffff, math.MaxUint64},
		"flags 9":        {labelled(cm.KindFlags, 9), 0xffffff11, 0x111},
		"nan f32":        {k(cm.KindF32), 0xffc12345, 0x7fc00000},
		"signalling f32": {k(cm.KindF32), 0x7f800001, 0x7fc00000},
		"infinity f32":   {k(cm.KindF32), 0xff800000, 0xff800000},
		"nan f64":        {k(cm.KindF64), 0xfff0000000000001, 0x7ff8000000000000},
	} {
		t.Run(name, func(t *testing.T) {
			f := compile(t, fn(nil, c.t))
			dst := make([]cm.Val, 1)
			check(t, f.LiftArgs(&Context{}, []uint64{c.core}, dst))
			if dst[0].Bits() != c.want {
				t.Errorf("got %#x, want %#x", dst[0].Bits(), c.want)
			}
		})
	}
	f := compile(t, fn(nil, k(cm.KindF32), k(cm.KindS8)))
	stack := make([]uint64, 2)
	check(t, f.LowerArgs(&Context{}, []cm.Val{cm.F32Val(math.Float32frombits(0xffc12345)), cm.S8Val(-1)}, stack))
	if stack[0] != 0x7fc00000 || stack[1] != 0xffffffff {
		t.Errorf("lowered %#x", stack)
	}
}

// The core values that a payload does not use are zero, and a 32-bit payload in a 64-bit slot is zero-extended.
func TestLowerVariantPadsAndWidens(t *testing.T) {
	f := compile(t, fn(nil, typ(cm.KindVariant, nil, k(cm.KindS32), k(cm.KindF64), k(cm.KindString))))
	stack := []uint64{99, 99, 99}
	check(t, f.LowerArgs(newGuest(64).context(binary.UTF8), []cm.Val{some(1, cm.S32Val(-1))}, stack))
	if stack[0] != 1 || stack[1] != 0xffffffff || stack[2] != 0 {
		t.Errorf("got %#x", stack)
	}
	check(t, f.LowerArgs(&Context{}, []cm.Val{cm.CaseVal(0, nil)}, stack))
	if stack[0] != 0 || stack[1] != 0 || stack[2] != 0 {
		t.Errorf("got %#x", stack)
	}
	dst := make([]cm.Val, 1)
	check(t, f.LiftArgs(&Context{}, []uint64{1, 0xdeadbeef_fffffffe, 7}, dst))
	if p, _ := dst[0].Payload(); p.S32() != -2 {
		t.Errorf("got %d", p.S32())
	}
}

func TestReallocSequences(t *testing.T) {
	for name, c := range map[string]struct {
		enc   binary.StringEncoding
		s     string
		calls string
		units uint64
	}{
		"utf8":                   {binary.UTF8, "hö", "0 0 1 3", 3},
		"utf8 empty":             {binary.UTF8, "", "0 0 1 0", 0},
		"utf16 exact":            {binary.UTF16, "ab", "0 0 2 4", 2},
		"utf16 shrinks":          {binary.UTF16, "hö☃🍰", "0 0 2 20, 16 20 2 10", 5},
		"utf16 empty":            {binary.UTF16, "", "0 0 2 0", 0},
		"latin1 exact":           {binary.Latin1UTF16, "ab", "0 0 2 2", 2},
		"latin1 shrinks":         {binary.Latin1UTF16, "hö", "0 0 2 3, 16 3 2 2", 2},
		"latin1 widens":          {binary.Latin1UTF16, "hö☃", "0 0 2 6, 16 6 2 12, 22 12 2 6", 3 | 1<<31},
		"latin1 widens at once":  {binary.Latin1UTF16, "☃", "0 0 2 3, 16 3 2 6, 20 6 2 2", 1 | 1<<31},
		"latin1 with surrogates": {binary.Latin1UTF16, "é🍰", "0 0 2 6, 16 6 2 12, 22 12 2 6", 3 | 1<<31},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(16)
			f := compile(t, fn(nil, k(cm.KindString)))
			stack := make([]uint64, 2)
			check(t, f.LowerArgs(g.context(c.enc), []cm.Val{cm.StringVal(c.s)}, stack))
			if got := strings.Join(g.calls, ", "); got != c.calls {
				t.Errorf("realloc %s, want %s", got, c.calls)
			}
			if stack[1] != c.units {
				t.Errorf("length %#x, want %#x", stack[1], c.units)
			}
			dst := make([]cm.Val, 1)
			check(t, f.LiftArgs(g.context(c.enc), stack, dst))
			if dst[0].Str() != c.s {
				t.Errorf("back came %q", dst[0].Str())
			}
		})
	}
	g := newGuest(16)
	check(t, compile(t, fn(nil, typ(cm.KindList, k(cm.KindU64)))).LowerArgs(g.context(0), []cm.Val{cm.ListVal(nil)}, make([]uint64, 2)))
	if got := strings.Join(g.calls, ", "); got != "0 0 8 0" {
		t.Errorf("empty list: realloc %s", got)
	}
}

func TestReallocErrorPassesUnchanged(t *testing.T) {
	boom := errors.New("boom")
	cx := newGuest(16).context(0)
	cx.Realloc = func(context.Context, uint32, uint32, uint32, uint32) (uint32, error) { return 0, boom }
	err := compile(t, fn(nil, k(cm.KindString))).LowerArgs(cx, []cm.Val{cm.StringVal("x")}, make([]uint64, 2))
	if err != boom {
		t.Fatalf("got %v, want what realloc failed with, unchanged", err)
	}
	shared := &cm.Trap{Code: cm.TrapDeadline}
	cx.Realloc = func(context.Context, uint32, uint32, uint32, uint32) (uint32, error) { return 0, shared }
	err = compile(t, fn(nil, k(cm.KindString))).LowerArgs(cx, []cm.Val{cm.StringVal("x")}, make([]uint64, 2))
	if err != error(shared) || shared.Detail != "" {
		t.Fatalf("got %v", err)
	}
}
