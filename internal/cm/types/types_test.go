package types

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func k(kind cm.Kind) *cm.Type { return &cm.Type{Kind: kind} }

func tuple(ts ...*cm.Type) *cm.Type {
	t := &cm.Type{Kind: cm.KindTuple}
	for _, x := range ts {
		t.Fields = append(t.Fields, cm.Field{Type: x})
	}
	return t
}

func variant(ts ...*cm.Type) *cm.Type {
	t := &cm.Type{Kind: cm.KindVariant}
	for i, x := range ts {
		t.Cases = append(t.Cases, cm.Case{Name: fmt.Sprintf("c%d", i), Type: x})
	}
	return t
}

func list(t *cm.Type, n uint32) *cm.Type { return &cm.Type{Kind: cm.KindList, Elem: t, Len: n} }

func option(t *cm.Type) *cm.Type { return &cm.Type{Kind: cm.KindOption, Elem: t} }

func mapOf(a, b *cm.Type) *cm.Type { return &cm.Type{Kind: cm.KindMap, Key: a, Elem: b} }

func labelled(kind cm.Kind, n int) *cm.Type {
	t := k(kind)
	for i := range n {
		t.Labels = append(t.Labels, fmt.Sprintf("l%d", i))
	}
	return t
}

func flat(l *Layout) string {
	if l.Spills {
		return "spills"
	}
	names := map[byte]string{0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64"}
	var out []string
	for _, f := range l.Flat {
		out = append(out, names[byte(f)])
	}
	return strings.Join(out, " ")
}

func TestLayout(t *testing.T) {
	u8, u16, u32, u64 := k(cm.KindU8), k(cm.KindU16), k(cm.KindU32), k(cm.KindU64)
	f32, f64, str := k(cm.KindF32), k(cm.KindF64), k(cm.KindString)
	for name, c := range map[string]struct {
		t           *cm.Type
		size, align uint32
		flat        string
		has         Has
	}{
		"bool":                   {k(cm.KindBool), 1, 1, "i32", 0},
		"char":                   {k(cm.KindChar), 4, 4, "i32", 0},
		"string":                 {str, 8, 4, "i32 i32", HasPointers},
		"tuple with padding":     {tuple(u8, u64, u8), 24, 8, "i32 i64 i32", 0},
		"tuple u8 u16 u8":        {tuple(u8, u16, u8), 6, 2, "i32 i32 i32", 0},
		"option u8":              {option(u8), 2, 1, "i32 i32", 0},
		"option u64":             {option(u64), 16, 8, "i32 i64", 0},
		"result _":               {k(cm.KindResult), 1, 1, "i32", 0},
		"join i32 f32":           {variant(u32, f32), 8, 4, "i32 i32", 0},
		"join f32 f32":           {variant(f32, f32), 8, 4, "i32 f32", 0},
		"join f32 f64":           {variant(f32, f64), 16, 8, "i32 i64", 0},
		"join string f64":        {variant(str, f64), 16, 8, "i32 i64 i32", HasPointers},
		"join i64 f64":           {variant(u64, f64), 16, 8, "i32 i64", 0},
		"enum 256":               {labelled(cm.KindEnum, 256), 1, 1, "i32", 0},
		"enum 257":               {labelled(cm.KindEnum, 257), 2, 2, "i32", 0},
		"enum 65536":             {labelled(cm.KindEnum, 65536), 2, 2, "i32", 0},
		"enum 65537":             {labelled(cm.KindEnum, 65537), 4, 4, "i32", 0},
		"flags 8":                {labelled(cm.KindFlags, 8), 1, 1, "i32", 0},
		"flags 9":                {labelled(cm.KindFlags, 9), 2, 2, "i32", 0},
		"flags 17":               {labelled(cm.KindFlags, 17), 4, 4, "i32", 0},
		"flags 33":               {labelled(cm.KindFlags, 33), 8, 4, "i32 i32", 0},
		"flags 70":               {labelled(cm.KindFlags, 70), 12, 4, "i32 i32 i32", 0},
		"list u8":                {list(u8, 0), 8, 4, "i32 i32", HasPointers},
		"list u8 3":              {list(u8, 3), 3, 1, "i32 i32 i32", 0},
		"list u32 17":            {list(u32, 17), 68, 4, "spills", 0},
		"list string 2":          {list(str, 2), 16, 4, "i32 i32 i32 i32", HasPointers},
		"map":                    {mapOf(str, u64), 8, 4, "i32 i32", HasPointers},
		"own":                    {k(cm.KindOwn), 4, 4, "i32", HasOwn},
		"list borrow":            {list(k(cm.KindBorrow), 0), 8, 4, "i32 i32", HasPointers | HasBorrow},
		"stream":                 {k(cm.KindStream), 4, 4, "i32", HasAsync},
		"16 flat":                {list(u32, 16), 64, 4, strings.TrimSpace(strings.Repeat("i32 ", 16)), 0},
		"variant of 16 flat":     {option(list(u32, 16)), 68, 4, "spills", 0},
		"variant of spilling":    {option(list(u32, 17)), 72, 4, "spills", 0},
		"map with large entries": {mapOf(u8, list(u8, MaxSize)), 8, 4, "i32 i32", HasPointers},
		"largest list":           {list(u8, MaxSize), MaxSize, 1, "spills", 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Of(c.t)
			if err != nil {
				t.Fatal(err)
			}
			if l.Size != c.size || l.Align != c.align || flat(l) != c.flat || l.Has != c.has {
				t.Fatalf("size %d align %d flat %q has %b, want %d %d %q %b", l.Size, l.Align, flat(l), l.Has, c.size, c.align, c.flat, c.has)
			}
		})
	}
}

func TestLayoutRefuses(t *testing.T) {
	u8, u64 := k(cm.KindU8), k(cm.KindU64)
	deep := u8
	for range 2000 {
		deep = option(deep)
	}
	wide := tuple(u8, u8)
	for range 64 { // 2^65 leaves
		wide = tuple(wide, wide)
	}
	for name, c := range map[string]struct {
		t    *cm.Type
		want string
	}{
		"nil":                   {nil, "missing"},
		"zero kind":             {&cm.Type{}, "unknown kind"},
		"empty record":          {k(cm.KindRecord), "no fields"},
		"empty flags":           {k(cm.KindFlags), "no labels"},
		"empty enum":            {k(cm.KindEnum), "no cases"},
		"list without element":  {k(cm.KindList), "missing"},
		"option without type":   {k(cm.KindOption), "no type"},
		"map without value":     {mapOf(u8, nil), "no key or value"},
		"fixed list too large":  {list(u8, MaxSize+1), "maximum byte size"},
		"product wraps":         {list(u64, 1<<29), "maximum byte size"},
		"sum too large":         {tuple(list(u8, MaxSize), list(u8, 1)), "maximum byte size"},
		"nested too large":      {list(list(u8, MaxSize), 2), "maximum byte size"},
		"too large in 64 bits":  {list(k(cm.KindString), 1<<24), "maximum byte size"},
		"too deep":              {deep, "nest deeper"},
		"exponential":           {wide, "maximum byte size"},
		"inside something else": {option(tuple(u8, k(cm.KindFlags))), "no labels"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Of(c.t); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A table may meet the parts of a deep type before the whole, so that no single walk is deep.
func TestDepthIsBoundedAcrossCalls(t *testing.T) {
	tb := NewTable()
	ty := k(cm.KindU8)
	var err error
	for i := 0; err == nil; i++ {
		if i > 2*maxDepth {
			t.Fatal("no bound")
		}
		ty = list(ty, 0)
		_, err = tb.Layout(ty)
	}
}

func TestIntern(t *testing.T) {
	tb := NewTable()
	r1, r2 := &cm.ResourceType{Name: "r"}, &cm.ResourceType{Name: "r"}
	rec := func(name, field string, r *cm.ResourceType) *cm.Type {
		return &cm.Type{Kind: cm.KindRecord, Name: name, Fields: []cm.Field{
			{Name: field, Type: option(k(cm.KindString))}, {Name: "r", Type: &cm.Type{Kind: cm.KindOwn, Resource: r}}}}
	}
	a, b := tb.Intern(rec("x", "f", r1)), tb.Intern(rec("x", "f", r1))
	if a != b {
		t.Error("equal types are two pointers")
	}
	if tb.Intern(rec("y", "f", r1)) == a {
		t.Error("a type lost its name")
	}
	if tb.Intern(rec("x", "g", r1)) == a || tb.Intern(rec("x", "f", r2)) == a {
		t.Error("different types are one pointer")
	}
	if a.Fields[0].Type != tb.Intern(option(k(cm.KindString))) {
		t.Error("parts are not interned")
	}
	if tb.Intern(a) != a || tb.Intern(nil) != nil {
		t.Error("not idempotent")
	}
	if tb.Intern(&cm.Type{Kind: cm.KindResult, OK: k(cm.KindU8)}) == tb.Intern(&cm.Type{Kind: cm.KindResult, Err: k(cm.KindU8)}) {
		t.Error("ok and error are mixed up")
	}
	f := tb.InternFunc(&cm.FuncType{Params: []cm.Field{{Name: "a", Type: rec("x", "f", r1)}}})
	if f.Params[0].Type != a || f.Params[0].Name != "a" || f.Result != nil {
		t.Error("InternFunc")
	}
}

func TestTableIsSafeForConcurrentUse(t *testing.T) {
	tb := NewTable()
	var wg sync.WaitGroup
	got := make([]*cm.Type, 8)
	for i := range got {
		wg.Go(func() {
			got[i] = tb.Intern(tuple(option(k(cm.KindU8)), list(k(cm.KindString), 0)))
			if _, err := tb.Layout(got[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] {
			t.Fatal("two pointers for one type")
		}
	}
}
