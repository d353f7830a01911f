package canon

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// vector is one line of testdata/vectors.jsonl, which testdata/vectors.py makes from the specification's reference.
type vector struct {
	Kind, Encoding  string
	Type, Result    any
	Params          []any
	Size, Align     uint32
	Flat            []string
	Lowered, Lifted [2][]string
	Value           any
	Calls           [][4]uint32
	Memory          string
	Trap            bool
}

// The sizes that vectors.py uses.
const (
	vectorMemory = 4096
	vectorArea   = 1024
)

func TestReferenceVectors(t *testing.T) {
	f, err := os.Open("testdata/vectors.jsonl")
	check(t, err)
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	seen := map[string]int{}
	for line := 1; s.Scan(); line++ {
		var v vector
		check(t, json.Unmarshal(s.Bytes(), &v))
		seen[v.Kind]++
		ok := t.Run(fmt.Sprintf("%s/line %d", v.Kind, line), func(t *testing.T) {
			switch v.Kind {
			case "layout":
				v.layout(t)
			case "func":
				v.function(t)
			case "lower":
				v.lower(t)
			case "return":
				v.result(t)
			case "lift":
				v.lift(t)
			default:
				t.Fatalf("kind %q", v.Kind)
			}
		})
		if !ok {
			t.Logf("line %d: %.300s", line, s.Text())
		}
	}
	check(t, s.Err())
	if len(seen) != 5 {
		t.Errorf("vectors of kinds %v", seen)
	}
}

func (v *vector) layout(t *testing.T) {
	l, err := types.Of(vectorType(v.Type))
	check(t, err)
	if l.Size != v.Size || l.Align != v.Align {
		t.Errorf("size %d align %d, want %d %d", l.Size, l.Align, v.Size, v.Align)
	}
	if l.Spills != (len(v.Flat) > types.MaxFlatParams) || !l.Spills && !reflect.DeepEqual(coreNames(l.Flat), v.Flat) {
		t.Errorf("flat %v, want %v", coreNames(l.Flat), v.Flat)
	}
}

func (v *vector) function(t *testing.T) {
	ft := &cm.FuncType{}
	for _, p := range v.Params {
		ft.Params = append(ft.Params, cm.Field{Name: "p", Type: vectorType(p)})
	}
	if v.Result != nil {
		ft.Result = vectorType(v.Result)
	}
	f := compile(t, ft)
	if got := [2][]string{coreNames(f.CoreParams), coreNames(f.CoreResults)}; !reflect.DeepEqual(got, v.Lowered) {
		t.Errorf("lowered %v, want %v", got, v.Lowered)
	}
	if got := [2][]string{coreNames(f.LiftedParams), coreNames(f.LiftedResults)}; !reflect.DeepEqual(got, v.Lifted) {
		t.Errorf("lifted %v, want %v", got, v.Lifted)
	}
}

func (v *vector) lower(t *testing.T) {
	ty := vectorType(v.Type)
	g := newGuest(vectorMemory)
	f := compile(t, fn(nil, ty))
	stack := make([]uint64, len(f.LiftedParams))
	for i := range stack {
		stack[i] = 0xdeadbeef_deadbeef // what is not written shows
	}
	check(t, f.LowerArgs(g.context(encodings[v.Encoding]), []cm.Val{vectorValue(ty, v.Value)}, stack))
	v.wrote(t, g, stack)
}

func (v *vector) result(t *testing.T) {
	ty := vectorType(v.Type)
	g := newGuest(vectorMemory)
	g.next = vectorArea
	f := compile(t, fn(ty))
	stack := []uint64{8}
	check(t, f.LowerResult(g.context(encodings[v.Encoding]), vectorValue(ty, v.Value), stack))
	v.wrote(t, g, stack[:len(f.CoreResults)])
}

// wrote compares what a lowering did.
func (v *vector) wrote(t *testing.T, g *guest, stack []uint64) {
	t.Helper()
	if got := fmt.Sprint(stack); got != fmt.Sprint(v.stack()) {
		t.Errorf("core values %s, want %v", got, v.stack())
	}
	var calls []string
	for _, c := range v.Calls {
		calls = append(calls, fmt.Sprintf("%d %d %d %d", c[0], c[1], c[2], c[3]))
	}
	if !reflect.DeepEqual(g.calls, calls) {
		t.Errorf("realloc %v, want %v", g.calls, calls)
	}
	if got := hex.EncodeToString(bytes.TrimRight(g.mem, "\x00")); got != v.Memory {
		t.Errorf("memory\n%s, want\n%s", got, v.Memory)
	}
}

func (v *vector) lift(t *testing.T) {
	ty := vectorType(v.Type)
	g := newGuest(vectorMemory)
	if _, err := hex.Decode(g.mem, []byte(v.Memory)); err != nil {
		t.Fatal(err)
	}
	f := compile(t, fn(nil, ty))
	dst := make([]cm.Val, 1)
	err := f.LiftArgs(g.context(encodings[v.Encoding]), v.stack(), dst)
	switch {
	case v.Trap && err == nil:
		t.Errorf("got %+v, want a trap", dst[0])
	case v.Trap:
		if _, ok := err.(*cm.Trap); !ok {
			t.Errorf("%v is no trap", err)
		}
	case err != nil:
		t.Error(err)
	case !same(ty, vectorValue(ty, v.Value), dst[0]):
		t.Errorf("got %+v, want %v", dst[0], v.Value)
	}
}

func (v *vector) stack() []uint64 {
	out := make([]uint64, len(v.Flat))
	for i, s := range v.Flat {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			panic(err)
		}
		out[i] = n
	}
	return out
}

func coreNames(ts []binary.CoreValType) []string {
	names := map[binary.CoreValType]string{types.I32: "i32", types.I64: "i64", types.F32: "f32", types.F64: "f64"}
	out := []string{}
	for _, x := range ts {
		out = append(out, names[x])
	}
	return out
}

// vectorType reads a type as vectors.py writes it.
func vectorType(j any) *cm.Type {
	if name, ok := j.(string); ok {
		for kind := cm.KindBool; kind <= cm.KindString; kind++ {
			if kind.String() == name {
				return k(kind)
			}
		}
		panic("unknown type " + name)
	}
	l := j.([]any)
	count := func(i int) int { return int(l[i].(float64)) }
	part := func(i int) *cm.Type {
		if l[i] == nil {
			return nil
		}
		return vectorType(l[i])
	}
	var parts []*cm.Type
	switch name := l[0].(string); name {
	case "fixed":
		return fixed(part(1), uint32(count(2)))
	case "enum":
		return labelled(cm.KindEnum, count(1))
	case "flags":
		return labelled(cm.KindFlags, count(1))
	default:
		for i := 1; i < len(l); i++ {
			parts = append(parts, part(i))
		}
		for kind := cm.KindRecord; kind <= cm.KindMap; kind++ {
			if kind.String() == name {
				return typ(kind, parts...)
			}
		}
		panic("unknown type " + name)
	}
}

// vectorValue reads a value as vectors.py writes it.
func vectorValue(t *cm.Type, j any) cm.Val {
	switch t.Kind {
	case cm.KindString:
		return cm.StringVal(j.(string))
	case cm.KindList, cm.KindRecord, cm.KindTuple, cm.KindMap:
		return vectorList(t, j.([]any))
	case cm.KindVariant, cm.KindOption, cm.KindResult:
		l := j.([]any)
		i := uint32(l[0].(float64))
		if len(l) == 1 {
			return cm.CaseVal(i, nil)
		}
		payload := []*cm.Type{t.OK, t.Err}
		switch t.Kind {
		case cm.KindOption:
			payload = []*cm.Type{nil, t.Elem}
		case cm.KindVariant:
			payload = nil
			for _, c := range t.Cases {
				payload = append(payload, c.Type)
			}
		}
		return some(i, vectorValue(payload[i], l[1]))
	}
	s := j.(string)
	n, err := strconv.ParseUint(s, 10, 64)
	if s[0] == '-' {
		var i int64
		i, err = strconv.ParseInt(s, 10, 64)
		n = uint64(i)
	}
	if err != nil {
		panic(err)
	}
	if t.Kind == cm.KindEnum {
		return cm.EnumVal(uint32(n))
	}
	return cm.U64Val(n)
}

func vectorList(t *cm.Type, l []any) cm.Val {
	vs := make([]cm.Val, len(l))
	for i, x := range l {
		switch t.Kind {
		case cm.KindList:
			vs[i] = vectorValue(t.Elem, x)
		case cm.KindMap:
			vs[i] = vectorValue(typ(cm.KindTuple, t.Key, t.Elem), x)
		default:
			vs[i] = vectorValue(t.Fields[i].Type, x)
		}
	}
	return cm.ListVal(vs)
}
