package canon

import (
	"context"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func TestAllocations(t *testing.T) {
	u32, str := k(cm.KindU32), k(cm.KindString)
	g := newGuest(1 << 12)
	copy(g.mem[64:], "hello")
	cx := g.context(0)
	cx.Realloc = func(context.Context, uint32, uint32, uint32, uint32) (uint32, error) { return 1024, nil }
	for name, c := range map[string]struct {
		f     *cm.FuncType
		args  []cm.Val
		stack []uint64
		ret   cm.Val
		want  float64
	}{
		"()":                   {fn(nil), nil, nil, cm.Val{}, 0},
		"(u32)->u32":           {fn(u32, u32), []cm.Val{cm.U32Val(1)}, []uint64{1}, cm.U32Val(2), 0},
		"(string)->string":     {fn(str, str), []cm.Val{cm.StringVal("hello")}, []uint64{64, 5, 128}, cm.StringVal("hello"), 1},
		"(list<u8>)":           {fn(nil, typ(cm.KindList, k(cm.KindU8))), []cm.Val{cm.BytesVal([]byte("hello"))}, []uint64{64, 5}, cm.Val{}, 1},
		"(list<u32>)":          {fn(nil, typ(cm.KindList, u32)), []cm.Val{cm.ListVal(make20())}, []uint64{64, 5}, cm.Val{}, 1},
		"(tuple<u32, u32>)":    {fn(nil, typ(cm.KindTuple, u32, u32)), []cm.Val{cm.ListVal(make20()[:2])}, []uint64{1, 2}, cm.Val{}, 1},
		"(option<u32>)":        {fn(nil, typ(cm.KindOption, u32)), []cm.Val{cm.None()}, []uint64{1, 2}, cm.Val{}, 1},
		"(enum, flags)":        {fn(nil, labelled(cm.KindEnum, 3), labelled(cm.KindFlags, 3)), []cm.Val{cm.EnumVal(1), cm.FlagsVal(1)}, []uint64{1, 2}, cm.Val{}, 0},
		"(flags of 40 labels)": {fn(nil, labelled(cm.KindFlags, 40)), []cm.Val{cm.FlagsVal(1)}, []uint64{1, 2}, cm.Val{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := compile(t, c.f)
			dst := make([]cm.Val, len(c.args))
			stack := make([]uint64, 16)
			lift := testing.AllocsPerRun(100, func() {
				copy(stack, c.stack)
				if err := f.LiftArgs(cx, stack, dst); err != nil {
					t.Fatal(err)
				}
				if err := f.LowerResult(cx, c.ret, stack); err != nil {
					t.Fatal(err)
				}
			})
			if lift != c.want {
				t.Errorf("guest→host: %v allocations, want %v", lift, c.want)
			}
			lower := testing.AllocsPerRun(100, func() {
				if err := f.LowerArgs(cx, c.args, stack); err != nil {
					t.Fatal(err)
				}
			})
			if lower != 0 {
				t.Errorf("host→guest arguments: %v allocations, want 0", lower)
			}
		})
	}
}

func BenchmarkGuestToHost(b *testing.B) {
	u32, str := k(cm.KindU32), k(cm.KindString)
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		name  string
		f     *cm.FuncType
		stack []uint64
		ret   cm.Val
	}{
		{"void", fn(nil), nil, cm.Val{}},
		{"u32", fn(u32, u32), []uint64{1}, cm.U32Val(2)},
		{"string", fn(str, str), []uint64{64, 5, 128}, cm.StringVal("hello")},
		{"string1000", fn(str, str), []uint64{2048, 1000, 128}, cm.StringVal(long)},
		{"listu32x100", fn(nil, typ(cm.KindList, u32)), []uint64{64, 100}, cm.Val{}},
		{"result", fn(typ(cm.KindResult, u32, str)), []uint64{128}, cm.OKVal(cm.U32Val(1))},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := newGuest(1 << 14)
			copy(g.mem[64:], "hello")
			cx := g.context(0)
			cx.Realloc = func(context.Context, uint32, uint32, uint32, uint32) (uint32, error) { return 4096, nil }
			f := compile(b, c.f)
			dst := make([]cm.Val, len(c.f.Params))
			stack := make([]uint64, 16)
			b.ReportAllocs()
			for b.Loop() {
				copy(stack, c.stack)
				if err := f.LiftArgs(cx, stack, dst); err != nil {
					b.Fatal(err)
				}
				if err := f.LowerResult(cx, c.ret, stack); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
