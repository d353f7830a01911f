package canon

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
)

// guest is a memory with a bump allocator and a handle table: all that a guest is to this package.
type guest struct {
	mem   []byte
	next  uint32
	calls []string // of realloc, "old size align new"
	table handle.Table
	lent  []uint32
	local *cm.ResourceType // a type that this guest defines
}

func newGuest(size int) *guest { return &guest{mem: make([]byte, size), next: 16} }

func (g *guest) Bytes() []byte { return g.mem }

func (g *guest) realloc(_ context.Context, old, oldSize, align, size uint32) (uint32, error) {
	g.calls = append(g.calls, fmt.Sprintf("%d %d %d %d", old, oldSize, align, size))
	ptr := (g.next + align - 1) &^ (align - 1)
	g.next = ptr + size
	if need := int(g.next) - len(g.mem); need > 0 { // grow to another place, so that a stale view shows
		g.mem = append(append([]byte(nil), g.mem...), make([]byte, need)...)
	}
	copy(g.mem[ptr:ptr+size], g.mem[old:old+min(oldSize, size)])
	return ptr, nil
}

func (g *guest) LiftOwn(t *cm.ResourceType, h uint32) (*cm.Resource, error) {
	e, err := g.table.Remove(h, t)
	return e.Resource, err
}

func (g *guest) LiftBorrow(t *cm.ResourceType, h uint32) (*cm.Resource, error) {
	e, err := g.table.Lend(h, t)
	if err != nil {
		return nil, err
	}
	g.lent = append(g.lent, h)
	return e.Resource, nil
}

func (g *guest) LowerOwn(_ *cm.ResourceType, r *cm.Resource) (uint32, error) {
	return g.table.Add(handle.Own(r))
}

func (g *guest) LowerBorrow(t *cm.ResourceType, r *cm.Resource) (uint32, error) {
	if t == g.local {
		return r.Rep, nil
	}
	return g.table.Add(handle.Borrow(r, nil))
}

func (g *guest) LiftAsync(_ *cm.Type, h uint32) (any, error) { return h, nil }

func (g *guest) LowerAsync(_ *cm.Type, object any) (uint32, error) { return object.(uint32), nil }

func (g *guest) context(e binary.StringEncoding) *Context {
	return &Context{Ctx: context.Background(), Memory: g, Encoding: e, Realloc: g.realloc, Handles: g}
}

func wantTrap(t *testing.T, err error, code cm.TrapCode) {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != code {
		t.Fatalf("got %v, want a trap with code %s", err, code)
	}
}

func k(kind cm.Kind) *cm.Type { return &cm.Type{Kind: kind} }

func typ(kind cm.Kind, ts ...*cm.Type) *cm.Type {
	t := &cm.Type{Kind: kind}
	switch kind {
	case cm.KindVariant:
		for i, x := range ts {
			t.Cases = append(t.Cases, cm.Case{Name: fmt.Sprintf("c%d", i), Type: x})
		}
	case cm.KindResult:
		t.OK, t.Err = ts[0], ts[1]
	case cm.KindRecord, cm.KindTuple:
		for i, x := range ts {
			name := ""
			if kind == cm.KindRecord {
				name = fmt.Sprintf("f%d", i)
			}
			t.Fields = append(t.Fields, cm.Field{Name: name, Type: x})
		}
	case cm.KindMap:
		t.Key, t.Elem = ts[0], ts[1]
	default:
		t.Elem = ts[0]
	}
	return t
}

func fixed(t *cm.Type, n uint32) *cm.Type { return &cm.Type{Kind: cm.KindList, Elem: t, Len: n} }

func labelled(kind cm.Kind, n int) *cm.Type {
	t := k(kind)
	for i := range n {
		t.Labels = append(t.Labels, fmt.Sprintf("l%d", i))
	}
	return t
}

func fn(result *cm.Type, params ...*cm.Type) *cm.FuncType {
	f := &cm.FuncType{Result: result}
	for i, p := range params {
		f.Params = append(f.Params, cm.Field{Name: fmt.Sprintf("p%d", i), Type: p})
	}
	return f
}

func compile(t testing.TB, f *cm.FuncType) *Func {
	t.Helper()
	c, err := Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// same compares two values along their type.
func same(t *cm.Type, a, b cm.Val) bool {
	switch t.Kind {
	case cm.KindString:
		return a.Str() == b.Str()
	case cm.KindRecord, cm.KindTuple:
		x, y := a.List(), b.List()
		for i, f := range t.Fields {
			if !same(f.Type, x[i], y[i]) {
				return false
			}
		}
		return len(x) == len(y)
	case cm.KindList, cm.KindMap:
		elem := t.Elem
		if t.Kind == cm.KindMap {
			elem = typ(cm.KindTuple, t.Key, t.Elem)
		}
		x, y := a.List(), b.List()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(elem, x[i], y[i]) {
				return false
			}
		}
		return true
	case cm.KindVariant:
		return a.Case() == b.Case() && samePayload(t.Cases[a.Case()].Type, a, b)
	case cm.KindOption:
		return a.Case() == b.Case() && samePayload([]*cm.Type{nil, t.Elem}[a.Case()], a, b)
	case cm.KindResult:
		return a.Case() == b.Case() && samePayload([]*cm.Type{t.OK, t.Err}[a.Case()], a, b)
	case cm.KindOwn, cm.KindBorrow:
		return a.Resource() == b.Resource()
	case cm.KindFlags:
		if len(t.Labels) > 64 {
			return same(typ(cm.KindList, k(cm.KindU32)), a, b)
		}
	}
	return a.Bits() == b.Bits()
}

func samePayload(t *cm.Type, a, b cm.Val) bool {
	if t == nil {
		return true
	}
	x, ok1 := a.Payload()
	y, ok2 := b.Payload()
	return ok1 && ok2 && same(t, x, y)
}
