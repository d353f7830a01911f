package bind

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func TestLowerMapInOrderOfKeys(t *testing.T) {
	v := LowerMap(map[string]uint32{"b": 2, "a": 1, "c": 3}, cm.StringVal, cm.U32Val)
	var keys string
	for _, e := range v.List() {
		keys += e.List()[0].Str()
	}
	if keys != "abc" {
		t.Errorf("keys in order %s", keys)
	}
	n := LowerMap(map[uint32]bool{3: true, 1: false, 2: true}, cm.U32Val, cm.BoolVal)
	for i, e := range n.List() {
		if got := e.List()[0].U32(); got != uint32(i+1) {
			t.Errorf("key %d is %d", i, got)
		}
	}
}

func TestLiftMapTakesTheLastOfEqualKeys(t *testing.T) {
	entry := func(k string, n uint32) cm.Val { return cm.ListVal([]cm.Val{cm.StringVal(k), cm.U32Val(n)}) }
	m := LiftMap(cm.ListVal([]cm.Val{entry("a", 1), entry("b", 2), entry("a", 3)}), cm.Val.Str, cm.Val.U32)
	if len(m) != 2 || m["a"] != 3 || m["b"] != 2 {
		t.Errorf("map %v", m)
	}
}

func TestLiftHandleOfAnotherObject(t *testing.T) {
	v := LowerHandle(&cm.ResourceType{Name: "thing"}, "text")
	if got := LiftHandle[string](v); got != "text" {
		t.Errorf("object %q", got)
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "a resource thing holds a string, want a fmt.Stringer") {
			t.Errorf("panic %s", r)
		}
	}()
	LiftHandle[fmt.Stringer](v)
}

func TestMaybeHandle(t *testing.T) {
	r := &cm.ResourceType{Name: "thing"}
	lower := func(e error) cm.Val { return LowerHandle(r, e) }
	if v := LowerMaybe[error](nil, lower); v.Case() != 0 {
		t.Error("nil is some")
	}
	want := errors.New("object")
	v := LowerMaybe(want, lower)
	if got := LiftMaybe(v, LiftHandle[error]); got != want {
		t.Errorf("object %v", got)
	}
	if got := LiftMaybe(cm.None(), LiftHandle[error]); got != nil {
		t.Errorf("none gives %v", got)
	}
}

func TestResultErrorsOfTheWrongType(t *testing.T) {
	host := cm.Fail("text") // the WIT error is a number
	if _, err := LowerError(t.Context(), host, cm.U32Val); err != host {
		t.Errorf("error %v, want the host's own", err)
	}
	v, err := LowerError(t.Context(), fmt.Errorf("more: %w", cm.Fail(uint32(7))), cm.U32Val)
	if p, _ := v.Payload(); err != nil || v.Case() != 1 || p.U32() != 7 {
		t.Errorf("result %v, %v", v, err)
	}
	if err := LiftError(cm.OKVal(cm.U32Val(1)), cm.Val.U32); err != nil {
		t.Errorf("an ok result gives %v", err)
	}
}

// TestConsume: what a call owns ends, children before parents in whatever order they stand, and nothing is lost when a
// parent must not end.
func TestConsume(t *testing.T) {
	dropped := 0
	drop := func(context.Context, *cm.Resource) error { dropped++; return errors.New("nobody asks") }
	typ := &cm.ResourceType{Name: "r", Drop: drop}
	guests := &cm.ResourceType{Name: "g", Owner: t}
	f := &cm.FuncType{Params: []cm.Field{{Type: cm.OwnOf(typ)}, {Type: &cm.Type{Kind: cm.KindOption, Elem: cm.OwnOf(typ)}}, {Type: cm.OwnOf(guests)}, {Type: cm.BorrowOf(typ)}}}
	lent, own := cm.NewResource(typ, nil), &cm.Resource{Type: guests}
	consume := func(a, b *cm.Resource) error {
		return Consume(context.Background(), f, []cm.Val{cm.ResourceVal(a), cm.Some(cm.ResourceVal(b)), cm.ResourceVal(own), cm.ResourceVal(lent)})
	}
	p := cm.NewResource(typ, nil)
	c := cm.NewChild(p, typ, nil)
	if err := consume(p, c); err != nil || !p.Dropped || !c.Dropped || dropped != 0 {
		t.Errorf("both: %v, %v, %v, %d drops", err, p.Dropped, c.Dropped, dropped)
	}
	p, other := cm.NewResource(typ, nil), cm.NewResource(typ, nil)
	c = cm.NewChild(p, typ, nil)
	if err := consume(p, other); err == nil || !p.Dropped || !other.Dropped || c.Dropped || dropped != 2 {
		t.Errorf("the parent alone: %v, %v, %v, %v, %d drops", err, p.Dropped, other.Dropped, c.Dropped, dropped)
	}
	if own.Dropped || lent.Dropped {
		t.Error("what is lent, or the guest's own, has ended")
	}
	ConsumeResult(&cm.FuncType{Result: cm.OwnOf(typ)}, cm.ResourceVal(c))
	if !c.Dropped || p.CheckNoChildren("dropped") != nil {
		t.Error("a result lives on")
	}
}
