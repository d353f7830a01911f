package canon

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// liftBudget is the host memory that a fuzzed lift may take, and liftMost what it may allocate in all: the budget counts
// what values hold, and not what is thrown away on the way to them.
const (
	liftBudget = 1 << 20
	liftMost   = 4*liftBudget + 256<<10
)

// FuzzLift lifts from memory and core values of any kind: it traps or gives a value, within the budget, and a value that
// it gives comes back the same when it is lowered and lifted again. The vectors of the reference are among its seeds.
func FuzzLift(f *testing.F) {
	f.Add([]byte("\x10\x03\x00\x11"), []byte("\x01\x02"), []byte(nil), uint8(0))
	f.Add([]byte("\x0c\x0b\x0e"), []byte("\x08\x00\x00\x00\x02\x00\x00\x00hi"), []byte(nil), uint8(2))
	for _, v := range liftVectors(f) {
		shape, ok := shapeOf(vectorType(v.Type))
		mem, err := hex.DecodeString(v.Memory)
		if !ok || err != nil {
			continue
		}
		var args []byte
		for _, x := range v.stack() {
			args = binary.LittleEndian.AppendUint64(args, x)
		}
		f.Add(shape, mem, args, uint8(encodings[v.Encoding]))
	}
	f.Fuzz(func(t *testing.T, shape, mem, args []byte, enc uint8) {
		ty := shapeType(&shape, 0)
		c, err := Compile(fn(ty, ty))
		if err != nil {
			return
		}
		g := &guest{mem: mem}
		cx := g.context(cmbinary.StringEncoding(enc % 3))
		cx.Account = cm.NewAccount(liftBudget)
		stack := make([]uint64, max(16, c.StackLen()))
		for i := range stack {
			if len(args) >= 8*i+8 {
				stack[i] = binary.LittleEndian.Uint64(args[8*i:])
			}
		}
		dst := make([]cm.Val, 1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = c.LiftArgs(cx, stack, dst)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > liftMost {
			t.Fatalf("%s: lifting took %d bytes", ty, n)
		}
		if err == nil {
			again(t, c, ty, dst, cx.Encoding)
		}
		_, _ = c.LiftResult(cx, stack)
	})
}

// liftVectors are the reference's vectors of lifting, every fifth.
func liftVectors(t testing.TB) (vs []vector) {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	n := 0
	for s.Scan() {
		var v vector
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.Kind == "lift" {
			if n++; n%5 == 0 {
				vs = append(vs, v)
			}
		}
	}
	return vs
}

// again lowers a value into an empty guest, as an argument and as a result, and lifts it: it is to be the same.
func again(t *testing.T, c *Func, ty *cm.Type, vals []cm.Val, enc cmbinary.StringEncoding) {
	t.Helper()
	const area = 8 // where a result goes that is returned in memory
	if c.result.size > 1<<20 {
		return
	}
	out := newGuest(1024)
	out.next = area + c.result.size
	cx := out.context(enc)
	stack := make([]uint64, max(16, c.StackLen()))
	for i := range stack {
		stack[i] = 0xdeadbeef_deadbeef // what is not written shows
	}
	if err := c.LowerArgs(cx, vals, stack); err != nil {
		t.Fatalf("%s: does not lower: %v", ty, err)
	}
	back := make([]cm.Val, len(vals))
	if err := c.LiftArgs(cx, stack, back); err != nil {
		t.Fatalf("%s: what was lowered does not lift: %v", ty, err)
	}
	if !same(ty, vals[0], back[0]) {
		t.Fatalf("%s: %+v became %+v", ty, vals[0], back[0])
	}
	out.mem = append(out.mem, make([]byte, area+c.result.size)...)
	if c.returnInMem {
		stack[len(c.CoreParams)-1] = area
	}
	if err := c.LowerResult(cx, vals[0], stack); err != nil {
		t.Fatalf("%s: does not lower as a result: %v", ty, err)
	}
	if c.returnInMem {
		stack[0] = area
	}
	v, err := c.LiftResult(cx, stack)
	if err != nil {
		t.Fatalf("%s: the result that was lowered does not lift: %v", ty, err)
	}
	if !same(ty, vals[0], v) {
		t.Fatalf("%s: %+v became %+v as a result", ty, vals[0], v)
	}
}

// FuzzValues makes a type and a value of it, lowers and lifts it, through the stack or through memory, and has a realloc
// that gives any pointer.
func FuzzValues(f *testing.F) {
	f.Add([]byte("\x10\x03\x00\x11"), []byte("\x01\x02\x05hello"), uint8(0))
	f.Add([]byte("\x0e\x0c\x16\x17\x14\x0c\x09"), []byte("\x03abc\xe9\x02\x01\x05\xff\xff\xff\xff\xff"), uint8(2))
	f.Add([]byte("\x5f\x10\x0c\x0b\x12\x13"), []byte("\x03abc\xe9\x02\x01\x05\xff\xff\xff\xff\xff"), uint8(1))
	f.Fuzz(func(t *testing.T, shape, value []byte, enc uint8) {
		ty := shapeType(&shape, 0)
		if enc&8 != 0 {
			ty = typ(cm.KindList, ty)
		}
		c, err := Compile(fn(ty, ty))
		if err != nil {
			return
		}
		budget := 2000
		v := valueOf(ty, &value, &budget)
		if budget < 0 {
			return
		}
		again(t, c, ty, []cm.Val{v}, cmbinary.StringEncoding(enc%3))

		g := newGuest(256)
		cx := g.context(cmbinary.StringEncoding(enc % 3))
		cx.Realloc = func(_ context.Context, _, _, align, _ uint32) (uint32, error) {
			if len(value) == 0 {
				return 0, errors.New("out of pointers")
			}
			p := uint32(value[0])
			if value = value[1:]; p == 0xff {
				p = math.MaxUint32
			}
			if enc&4 != 0 {
				p &^= align - 1
			}
			return p, nil
		}
		stack := make([]uint64, max(16, c.StackLen()))
		_ = c.LowerArgs(cx, []cm.Val{v}, stack)
	})
}

// valueOf makes a value of bytes; budget is how many parts it may have.
func valueOf(t *cm.Type, b *[]byte, budget *int) cm.Val {
	*budget--
	next := func() byte {
		if len(*b) == 0 {
			return 0
		}
		c := (*b)[0]
		*b = (*b)[1:]
		return c
	}
	word := func(n int) (v uint64) {
		for range n {
			v = v<<8 | uint64(next())
		}
		return v
	}
	part := func(t *cm.Type) cm.Val { return valueOf(t, b, budget) }
	parts := func(n int, t func(i int) *cm.Type) cm.Val {
		var vs []cm.Val
		for i := 0; i < n && *budget >= 0; i++ {
			vs = append(vs, part(t(i)))
		}
		return cm.ListVal(vs)
	}
	which := func(cases []*cm.Type) cm.Val {
		i := int(next()) % len(cases)
		if cases[i] == nil {
			return cm.CaseVal(uint32(i), nil)
		}
		return some(uint32(i), part(cases[i]))
	}
	switch t.Kind {
	case cm.KindBool:
		return cm.BoolVal(next()&1 == 1)
	case cm.KindS8:
		return cm.S8Val(int8(word(1)))
	case cm.KindU8:
		return cm.U8Val(uint8(word(1)))
	case cm.KindS16:
		return cm.S16Val(int16(word(2)))
	case cm.KindU16:
		return cm.U16Val(uint16(word(2)))
	case cm.KindS32:
		return cm.S32Val(int32(word(4)))
	case cm.KindU32:
		return cm.U32Val(uint32(word(4)))
	case cm.KindS64:
		return cm.S64Val(int64(word(8)))
	case cm.KindU64:
		return cm.U64Val(word(8))
	case cm.KindF32: // a NaN may lose its payload on the way: CanonicalABI.md §Loading
		if v := math.Float32frombits(uint32(word(4))); v == v {
			return cm.F32Val(v)
		}
		return cm.F32Val(math.Float32frombits(0x7fc00000))
	case cm.KindF64:
		if v := math.Float64frombits(word(8)); v == v {
			return cm.F64Val(v)
		}
		return cm.F64Val(math.Float64frombits(0x7ff8 << 48))
	case cm.KindChar:
		return cm.CharVal(char(next))
	case cm.KindString:
		var s []rune
		for n := next() % 24; n > 0; n-- {
			s = append(s, char(next))
		}
		return cm.StringVal(string(s))
	case cm.KindRecord, cm.KindTuple:
		return parts(len(t.Fields), func(i int) *cm.Type { return t.Fields[i].Type })
	case cm.KindList, cm.KindMap:
		n, elem := int(next()%8), t.Elem
		if t.Len > 0 {
			n = int(t.Len)
		}
		if t.Kind == cm.KindMap {
			elem = typ(cm.KindTuple, t.Key, t.Elem)
		}
		return parts(n, func(int) *cm.Type { return elem })
	case cm.KindVariant:
		var cases []*cm.Type
		for _, c := range t.Cases {
			cases = append(cases, c.Type)
		}
		return which(cases)
	case cm.KindOption:
		return which([]*cm.Type{nil, t.Elem})
	case cm.KindResult:
		return which([]*cm.Type{t.OK, t.Err})
	case cm.KindEnum:
		return cm.EnumVal(uint32(word(2)) % uint32(len(t.Labels)))
	case cm.KindFlags:
		if n := len(t.Labels); n <= 64 {
			return cm.FlagsVal(word(8) & (math.MaxUint64 >> (64 - n)))
		}
		words := make([]cm.Val, (len(t.Labels)+31)/32)
		for i := range words {
			w := uint32(word(4))
			if rest := len(t.Labels) - 32*i; rest < 32 {
				w &= 1<<rest - 1
			}
			words[i] = cm.U32Val(w)
		}
		return cm.ListVal(words)
	default: // own
		return cm.ResourceVal(cm.NewResource(t.Resource, next()))
	}
}

// char is a character of one, two, three or four bytes.
func char(next func() byte) rune {
	switch c := rune(next()); {
	case c < 0xf0:
		return c
	case c < 0xf8:
		return 0x2600 + rune(next())
	default:
		return 0x1f300 + rune(next())
	}
}

// fuzzResource is the resource of the handles in fuzzed types.
var fuzzResource = &cm.ResourceType{Name: "r"}

// shapeType reads a type from bytes. Borrows and async types are left out, for they do not come back as they went.
func shapeType(b *[]byte, depth int) *cm.Type {
	if len(*b) == 0 || depth > 5 {
		return k(cm.KindU8)
	}
	x := (*b)[0]
	*b = (*b)[1:]
	sub := func() *cm.Type { return shapeType(b, depth+1) }
	perhaps := func() *cm.Type {
		if len(*b) > 0 && (*b)[0] == 0xff {
			*b = (*b)[1:]
			return nil
		}
		return sub()
	}
	switch kind := cm.Kind(x%24) + 1; kind {
	case cm.KindRecord, cm.KindTuple, cm.KindVariant:
		parts := make([]*cm.Type, 1+x/24)
		for i := range parts {
			if kind == cm.KindVariant {
				parts[i] = perhaps()
			} else {
				parts[i] = sub()
			}
		}
		return typ(kind, parts...)
	case cm.KindList:
		return fixed(sub(), uint32(x/24))
	case cm.KindOption:
		return typ(kind, sub())
	case cm.KindResult:
		return typ(kind, perhaps(), perhaps())
	case cm.KindMap:
		return typ(kind, sub(), sub())
	case cm.KindEnum, cm.KindFlags:
		if n := int(x / 24); n < 10 {
			return labelled(kind, []int{1, 2, 8, 9, 16, 17, 32, 33, 64, 65}[n])
		}
		return labelled(kind, 300)
	case cm.KindErrorContext:
		return k(cm.KindString)
	case cm.KindOwn:
		return &cm.Type{Kind: kind, Resource: fuzzResource}
	default:
		return k(kind)
	}
}

// shapeOf is the bytes of which [shapeType] makes a type; false if there are none.
func shapeOf(t *cm.Type) (b []byte, ok bool) {
	n, parts := 0, []*cm.Type{}
	optional := false
	switch t.Kind {
	case cm.KindRecord, cm.KindTuple:
		for _, f := range t.Fields {
			parts = append(parts, f.Type)
		}
		n = len(parts) - 1
	case cm.KindVariant:
		for _, c := range t.Cases {
			parts = append(parts, c.Type)
		}
		n, optional = len(parts)-1, true
	case cm.KindList:
		n, parts = int(t.Len), append(parts, t.Elem)
	case cm.KindOption:
		parts = append(parts, t.Elem)
	case cm.KindResult:
		parts, optional = append(parts, t.OK, t.Err), true
	case cm.KindMap:
		parts = append(parts, t.Key, t.Elem)
	case cm.KindEnum, cm.KindFlags:
		n = slices.Index([]int{1, 2, 8, 9, 16, 17, 32, 33, 64, 65}, len(t.Labels))
	}
	if n < 0 || n > 9 {
		return nil, false
	}
	b = append(b, byte(t.Kind-1)+24*byte(n))
	for _, p := range parts {
		if p == nil && optional {
			b = append(b, 0xff)
			continue
		}
		sub, ok := shapeOf(p)
		if !ok {
			return nil, false
		}
		b = append(b, sub...)
	}
	return b, true
}
