package canon

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// What a hostile guest passes as arguments to a function that it imports.
func TestHostileArguments(t *testing.T) {
	str, u32 := k(cm.KindString), k(cm.KindU32)
	const size = 1 << 16
	for name, c := range map[string]struct {
		t     *cm.Type
		enc   cmbinary.StringEncoding
		stack []uint64
		mem   string // from offset 64
		code  cm.TrapCode
	}{
		"char surrogate":                {k(cm.KindChar), 0, []uint64{0xd800}, "", cm.TrapBadChar},
		"char last surrogate":           {k(cm.KindChar), 0, []uint64{0xdfff}, "", cm.TrapBadChar},
		"char too large":                {k(cm.KindChar), 0, []uint64{0x110000}, "", cm.TrapBadChar},
		"enum":                          {labelled(cm.KindEnum, 3), 0, []uint64{3}, "", cm.TrapBadDiscrim},
		"variant":                       {typ(cm.KindVariant, nil, u32), 0, []uint64{2, 0}, "", cm.TrapBadDiscrim},
		"variant max":                   {typ(cm.KindOption, u32), 0, []uint64{0xffffffff, 0}, "", cm.TrapBadDiscrim},
		"result":                        {typ(cm.KindResult, nil, nil), 0, []uint64{2}, "", cm.TrapBadDiscrim},
		"string pointer":                {str, 0, []uint64{0x80000000, 1}, "", cm.TrapBadPointer},
		"string end":                    {str, 0, []uint64{size - 1, 2}, "", cm.TrapBadPointer},
		"empty string out of bounds":    {str, 0, []uint64{0xdeadbeef, 0}, "", cm.TrapBadPointer},
		"string wraps":                  {str, 0, []uint64{0xffffffff, 0x0fffffff}, "", cm.TrapBadPointer},
		"string too long":               {str, 0, []uint64{0, 1 << 28}, "", cm.TrapTooLong},
		"utf16 too long":                {str, cmbinary.UTF16, []uint64{0, 1 << 27}, "", cm.TrapTooLong},
		"utf16 length wraps":            {str, cmbinary.UTF16, []uint64{0, 1 << 31}, "", cm.TrapTooLong},
		"tagged too long":               {str, cmbinary.Latin1UTF16, []uint64{0, 1<<31 | 1<<27}, "", cm.TrapTooLong},
		"utf8 invalid":                  {str, 0, []uint64{64, 1}, "\xff", cm.TrapBadString},
		"utf8 cut":                      {str, 0, []uint64{64, 1}, "\xc3\xb6", cm.TrapBadString},
		"utf8 overlong":                 {str, 0, []uint64{64, 2}, "\xc0\x80", cm.TrapBadString},
		"utf8 surrogate":                {str, 0, []uint64{64, 3}, "\xed\xa0\x80", cm.TrapBadString},
		"utf16 unaligned, empty":        {str, cmbinary.UTF16, []uint64{65, 0}, "", cm.TrapUnaligned},
		"utf16 lone high":               {str, cmbinary.UTF16, []uint64{64, 1}, "\x00\xd8", cm.TrapBadString},
		"utf16 high then other":         {str, cmbinary.UTF16, []uint64{64, 2}, "\x00\xd8a\x00", cm.TrapBadString},
		"utf16 lone low":                {str, cmbinary.UTF16, []uint64{64, 1}, "\x00\xdc", cm.TrapBadString},
		"latin1 unaligned":              {str, cmbinary.Latin1UTF16, []uint64{65, 1}, "", cm.TrapUnaligned},
		"latin1+utf16 tagged unaligned": {str, cmbinary.Latin1UTF16, []uint64{65, 1<<31 | 1}, "", cm.TrapUnaligned},
		"latin1+utf16 lone surrogate":   {str, cmbinary.Latin1UTF16, []uint64{64, 1<<31 | 1}, "\x00\xdc", cm.TrapBadString},
		"list pointer":                  {typ(cm.KindList, k(cm.KindU8)), 0, []uint64{size + 1, 0}, "", cm.TrapBadPointer},
		"list unaligned, empty":         {typ(cm.KindList, u32), 0, []uint64{2, 0}, "", cm.TrapUnaligned},
		"list too long":                 {typ(cm.KindList, u32), 0, []uint64{0, 1 << 26}, "", cm.TrapTooLong},
		"list length wraps":             {typ(cm.KindList, u32), 0, []uint64{0, 1 << 30}, "", cm.TrapTooLong},
		"list out of bounds":            {typ(cm.KindList, u32), 0, []uint64{size - 4, 2}, "", cm.TrapBadPointer},
		"map out of bounds":             {typ(cm.KindMap, u32, u32), 0, []uint64{size - 8, 2}, "", cm.TrapBadPointer},
		"string in list":                {typ(cm.KindList, str), 0, []uint64{64, 1}, "\xff\xff\xff\xff\x01\x00\x00\x00", cm.TrapBadPointer},
		"char in list":                  {typ(cm.KindList, k(cm.KindChar)), 0, []uint64{64, 1}, "\x00\xd8\x00\x00", cm.TrapBadChar},
		"enum in list":                  {typ(cm.KindList, labelled(cm.KindEnum, 2)), 0, []uint64{64, 1}, "\x02", cm.TrapBadDiscrim},
		"variant in list":               {typ(cm.KindList, typ(cm.KindOption, u32)), 0, []uint64{64, 1}, "\x02", cm.TrapBadDiscrim},
		"spilled unaligned":             {fixed(u32, 17), 0, []uint64{1}, "", cm.TrapUnaligned},
		"spilled out of bounds":         {fixed(u32, 17), 0, []uint64{size - 64}, "", cm.TrapBadPointer},
		"own unknown":                   {k(cm.KindOwn), 0, []uint64{5}, "", cm.TrapBadHandle},
		"borrow unknown":                {k(cm.KindBorrow), 0, []uint64{0xffffffff}, "", cm.TrapBadHandle},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(size)
			copy(g.mem[64:], c.mem)
			f := compile(t, fn(nil, c.t))
			wantTrap(t, f.LiftArgs(g.context(c.enc), c.stack, make([]cm.Val, 1)), c.code)
		})
	}
}

func TestHostileReturnAreas(t *testing.T) {
	f := compile(t, fn(typ(cm.KindTuple, k(cm.KindU32), k(cm.KindU32))))
	v := cm.ListVal([]cm.Val{cm.U32Val(1), cm.U32Val(2)})
	for name, c := range map[string]struct {
		ptr  uint64
		code cm.TrapCode
	}{
		"unaligned":     {1, cm.TrapUnaligned},
		"out of bounds": {64 - 4, cm.TrapBadPointer},
		"far away":      {0xfffffffc, cm.TrapBadPointer},
	} {
		t.Run(name, func(t *testing.T) {
			cx := newGuest(64).context(0)
			_, err := f.LiftResult(cx, []uint64{c.ptr})
			wantTrap(t, err, c.code)
			wantTrap(t, f.LowerResult(cx, v, []uint64{c.ptr}), c.code)
		})
	}
	cx := newGuest(64).context(0)
	check(t, f.LowerResult(cx, v, []uint64{56}))
	check(t, f.LowerResult(cx, v, []uint64{0xffffffff_00000008})) // the high half is nothing
}

func TestHostileRealloc(t *testing.T) {
	list := typ(cm.KindList, k(cm.KindU32))
	one := cm.ListVal([]cm.Val{cm.U32Val(1)})
	for name, c := range map[string]struct {
		t    *cm.Type
		v    cm.Val
		enc  cmbinary.StringEncoding
		ptrs []uint32
		code cm.TrapCode
	}{
		"empty list out of bounds":    {list, cm.ListVal(nil), 0, []uint32{0xfffffffc}, cm.TrapBadRealloc},
		"unaligned before bounds":     {list, one, 0, []uint32{0xffffffff}, cm.TrapUnaligned},
		"list out of bounds":          {list, one, 0, []uint32{64}, cm.TrapBadRealloc},
		"bytes out of bounds":         {typ(cm.KindList, k(cm.KindU8)), cm.BytesVal([]byte("xy")), 0, []uint32{63}, cm.TrapBadRealloc},
		"string out of bounds":        {k(cm.KindString), cm.StringVal("xy"), 0, []uint32{63}, cm.TrapBadRealloc},
		"utf16 unaligned":             {k(cm.KindString), cm.StringVal("x"), cmbinary.UTF16, []uint32{1}, cm.TrapUnaligned},
		"utf16 shrink unaligned":      {k(cm.KindString), cm.StringVal("ö"), cmbinary.UTF16, []uint32{0, 1}, cm.TrapUnaligned},
		"utf16 shrink out of bounds":  {k(cm.KindString), cm.StringVal("ö"), cmbinary.UTF16, []uint32{0, 64}, cm.TrapBadRealloc},
		"latin1 grow out of bounds":   {k(cm.KindString), cm.StringVal("a☃"), cmbinary.Latin1UTF16, []uint32{0, 58}, cm.TrapBadRealloc},
		"latin1 shrink out of bounds": {k(cm.KindString), cm.StringVal("aö"), cmbinary.Latin1UTF16, []uint32{0, 64}, cm.TrapBadRealloc},
		"second shrink out of bounds": {k(cm.KindString), cm.StringVal("a☃"), cmbinary.Latin1UTF16, []uint32{0, 0, 62}, cm.TrapBadRealloc},
		"spilled arguments unaligned": {fixed(k(cm.KindU32), 17), cm.ListVal(make20()[:17]), 0, []uint32{1}, cm.TrapUnaligned},
		"spilled arguments too far":   {fixed(k(cm.KindU8), 17), cm.BytesVal(make([]byte, 17)), 0, []uint32{48}, cm.TrapBadRealloc},
		"nested string out of bounds": {typ(cm.KindList, k(cm.KindString)), cm.ListVal([]cm.Val{cm.StringVal("x")}), 0, []uint32{0, 64}, cm.TrapBadRealloc},
		"no realloc is a bug of ours": {k(cm.KindString), cm.StringVal("x"), 0, nil, cm.TrapBug},
	} {
		t.Run(name, func(t *testing.T) {
			cx := newGuest(64).context(c.enc)
			ptrs := c.ptrs
			cx.Realloc = func(context.Context, uint32, uint32, uint32, uint32) (uint32, error) {
				p := ptrs[0]
				ptrs = ptrs[1:]
				return p, nil
			}
			if ptrs == nil {
				cx.Realloc = nil
			}
			wantTrap(t, compile(t, fn(nil, c.t)).LowerArgs(cx, []cm.Val{c.v}, make([]uint64, 16)), c.code)
			if len(ptrs) > 0 {
				t.Errorf("%d reallocs not made", len(ptrs))
			}
		})
	}
}

// A list whose elements all point at the same bytes costs the guest nothing and the host everything.
func TestBudgetStopsAliasing(t *testing.T) {
	g := newGuest(1 << 16)
	for i := 0; i < 1000; i++ { // 1000 times the same 60 000 bytes
		binary.LittleEndian.PutUint32(g.mem[8*i+4:], 60_000)
	}
	f := compile(t, fn(nil, typ(cm.KindList, typ(cm.KindList, k(cm.KindU8)))))
	cx := g.context(0)
	cx.Account = cm.NewAccount(10 << 20)
	wantTrap(t, f.LiftArgs(cx, []uint64{0, 1000}, make([]cm.Val, 1)), cm.TrapHostMemory)
	check(t, f.LiftArgs(cx, []uint64{0, 100}, make([]cm.Val, 1)))
	check(t, f.LiftArgs(cx, []uint64{0, 100}, make([]cm.Val, 1))) // each call has its own
	units := compile(t, fn(nil, typ(cm.KindList, k(cm.KindU16))))
	cx.Account = cm.NewAccount(1000) // and some, which calls have in any case
	check(t, units.LiftArgs(cx, []uint64{0, 100}, make([]cm.Val, 1)))
	wantTrap(t, units.LiftArgs(cx, []uint64{0, 1000}, make([]cm.Val, 1)), cm.TrapHostMemory)
}

// Mistakes of a host function are told as such.
func TestHostMistakes(t *testing.T) {
	u32, str := k(cm.KindU32), k(cm.KindString)
	pair := typ(cm.KindTuple, u32, u32)
	for name, c := range map[string]struct {
		t *cm.Type
		v cm.Val
	}{
		"nothing":                  {u32, cm.Val{}},
		"number for string":        {str, cm.U32Val(1)},
		"string for number":        {u32, cm.StringVal("1")},
		"invalid utf8":             {str, cm.StringVal("\xff")},
		"surrogate for char":       {k(cm.KindChar), cm.CharVal(0xd800)},
		"negative for char":        {k(cm.KindChar), cm.S64Val(-1)},
		"too few fields":           {pair, cm.ListVal([]cm.Val{cm.U32Val(1)})},
		"bytes for tuple":          {pair, cm.BytesVal([]byte("ab"))},
		"case out of range":        {typ(cm.KindOption, u32), some(2, cm.U32Val(1))},
		"payload missing":          {typ(cm.KindOption, u32), cm.CaseVal(1, nil)},
		"enum out of range":        {labelled(cm.KindEnum, 2), cm.EnumVal(2)},
		"fixed list length":        {fixed(u32, 2), cm.ListVal([]cm.Val{cm.U32Val(1)})},
		"fixed bytes length":       {fixed(k(cm.KindU8), 2), cm.BytesVal([]byte("abc"))},
		"list of wrong elements":   {typ(cm.KindList, str), cm.ListVal([]cm.Val{cm.U32Val(1)})},
		"list for flags":           {labelled(cm.KindFlags, 3), cm.ListVal(nil)},
		"number for wide flags":    {labelled(cm.KindFlags, 70), cm.FlagsVal(1)},
		"list for 64 flags":        {labelled(cm.KindFlags, 64), cm.ListVal([]cm.Val{cm.U32Val(1), cm.U32Val(1)})},
		"words for wide flags":     {labelled(cm.KindFlags, 70), cm.ListVal([]cm.Val{cm.U32Val(1)})},
		"bytes for wide flags":     {labelled(cm.KindFlags, 70), cm.BytesVal([]byte("abc"))},
		"no resource":              {k(cm.KindOwn), cm.ResourceVal(nil)},
		"number for resource":      {k(cm.KindBorrow), cm.U32Val(1)},
		"case for list":            {typ(cm.KindList, u32), cm.None()},
		"map entries of one value": {typ(cm.KindMap, str, u32), cm.ListVal([]cm.Val{cm.ListVal([]cm.Val{cm.StringVal("k")})})},
	} {
		t.Run(name, func(t *testing.T) {
			cx := newGuest(1 << 10).context(0)
			wantTrap(t, compile(t, fn(nil, c.t)).LowerArgs(cx, []cm.Val{c.v}, make([]uint64, 16)), cm.TrapHost)
			in := typ(cm.KindList, c.t) // the same in memory
			wantTrap(t, compile(t, fn(nil, in)).LowerArgs(cx, []cm.Val{cm.ListVal([]cm.Val{c.v})}, make([]uint64, 16)), cm.TrapHost)
		})
	}
	wantTrap(t, compile(t, fn(nil, u32)).LowerArgs(&Context{}, nil, nil), cm.TrapHost)
}

func TestHandles(t *testing.T) {
	rt, local := &cm.ResourceType{Name: "r"}, &cm.ResourceType{Name: "mine"}
	own, borrow := &cm.Type{Kind: cm.KindOwn, Resource: rt}, &cm.Type{Kind: cm.KindBorrow, Resource: rt}
	mine := &cm.Type{Kind: cm.KindBorrow, Resource: local}
	g := newGuest(1 << 10)
	g.local = local
	cx := g.context(0)
	r := cm.NewResource(rt, "obj")

	give := compile(t, fn(own, own, borrow, mine))
	stack := make([]uint64, 3)
	check(t, give.LowerArgs(cx, []cm.Val{cm.ResourceVal(r), cm.ResourceVal(r), cm.ResourceVal(&cm.Resource{Type: local, Rep: 77})}, stack))
	if stack[0] != 1 || stack[1] != 2 || stack[2] != 77 || g.table.Len() != 2 {
		t.Fatalf("stack %v, %d handles", stack, g.table.Len())
	}
	v, err := give.LiftResult(cx, stack)
	check(t, err)
	if v.Resource() != r || g.table.Len() != 1 {
		t.Fatal("own handle did not leave the table")
	}

	// the same handle as borrow and as own in one call: lent first, so it cannot move
	h, _ := g.table.Add(handle.Own(r))
	both := compile(t, fn(nil, borrow, own))
	wantTrap(t, both.LiftArgs(cx, []uint64{uint64(h), uint64(h)}, make([]cm.Val, 2)), cm.TrapLent)
	g.table.Return(h)
	check(t, compile(t, fn(nil, typ(cm.KindOption, own))).LiftArgs(cx, []uint64{1, uint64(h)}, make([]cm.Val, 1)))
}

// TestAsyncValues: streams, futures and error contexts are handles, flat and in memory; elements of streams are read and written
// as runs.
func TestAsyncValues(t *testing.T) {
	for _, kind := range []cm.Kind{cm.KindStream, cm.KindFuture, cm.KindErrorContext} {
		ty := typ(cm.KindTuple, k(kind), k(cm.KindU8))
		f := compile(t, fn(ty, ty))
		if len(f.AsyncParams) != 3 || len(f.ReturnParams) != 2 {
			t.Fatalf("%s: %d parameters, %d of task.return", kind, len(f.AsyncParams), len(f.ReturnParams))
		}
		cx := newGuest(64).context(0)
		dst := make([]cm.Val, 1)
		check(t, f.LiftAsyncArgs(cx, []uint64{7, 1, 16}, dst))
		if got := dst[0].List(); got[0].Any() != uint32(7) || got[1].U8() != 1 {
			t.Errorf("%s: %v", kind, got)
		}
		check(t, f.LowerAsyncResult(cx, dst[0], []uint64{7, 1, 16}))
		again, err := f.LiftReturn(cx, []uint64{uint64(cx.mem[16]), uint64(cx.mem[20])})
		check(t, err)
		if again.List()[0].Any() != uint32(7) {
			t.Errorf("%s came back as %v", kind, again)
		}
	}
	many := compile(t, fn(nil, k(cm.KindU8), k(cm.KindU8), k(cm.KindU8), k(cm.KindU8), k(cm.KindU8)))
	if len(many.AsyncParams) != 1 || len(many.CoreParams) != 5 {
		t.Errorf("five parameters are %d, and %d asynchronously", len(many.CoreParams), len(many.AsyncParams))
	}
	e, err := NewCompiler(types.NewTable()).Elem(typ(cm.KindTuple, k(cm.KindU8), k(cm.KindU32)))
	check(t, err)
	g := newGuest(64)
	cx := g.context(0)
	vs := []cm.Val{cm.ListVal([]cm.Val{cm.U8Val(1), cm.U32Val(2)}), cm.ListVal([]cm.Val{cm.U8Val(3), cm.U32Val(4)})}
	check(t, e.Store(cx, 8, vs))
	got, err := e.Load(cx, 8, 2)
	check(t, err)
	if e.Size() != 8 || e.Flat() || got[1].List()[1].U32() != 4 {
		t.Errorf("elements: %v", got)
	}
	var trap *cm.Trap
	if err := e.Check(cx, 2, 1); !errors.As(err, &trap) || trap.Code != cm.TrapUnaligned {
		t.Errorf("unaligned: %v", err)
	}
	if err := e.Check(cx, uint32(len(g.mem))-8, 2); !errors.As(err, &trap) || trap.Code != cm.TrapBadPointer {
		t.Errorf("out of bounds: %v", err)
	}
}
