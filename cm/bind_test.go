package cm

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLowerMapInOrderOfKeys(t *testing.T) {
	v := LowerMap(map[string]uint32{"b": 2, "a": 1, "c": 3}, StringVal, U32Val)
	var keys string
	for _, e := range v.List() {
		keys += e.List()[0].Str()
	}
	if keys != "abc" {
		t.Errorf("keys in order %s", keys)
	}
	n := LowerMap(map[uint32]bool{3: true, 1: false, 2: true}, U32Val, BoolVal)
	for i, e := range n.List() {
		if got := e.List()[0].U32(); got != uint32(i+1) {
			t.Errorf("key %d is %d", i, got)
		}
	}
}

func TestLiftMapTakesTheLastOfEqualKeys(t *testing.T) {
	entry := func(k string, n uint32) Val { return ListVal([]Val{StringVal(k), U32Val(n)}) }
	m := LiftMap(ListVal([]Val{entry("a", 1), entry("b", 2), entry("a", 3)}), Val.Str, Val.U32)
	if len(m) != 2 || m["a"] != 3 || m["b"] != 2 {
		t.Errorf("map %v", m)
	}
}

func TestLiftHandleOfAnotherObject(t *testing.T) {
	v := LowerHandle(&ResourceType{Name: "thing"}, "text")
	if got := LiftHandle[string](v); got != "text" {
		t.Errorf("object %q", got)
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "a resource thing holds a string, want a *fmt.Stringer") {
			t.Errorf("panic %s", r)
		}
	}()
	LiftHandle[fmt.Stringer](v)
}

func TestMaybeHandle(t *testing.T) {
	r := &ResourceType{Name: "thing"}
	lower := func(e error) Val { return LowerHandle(r, e) }
	if v := LowerMaybe[error](nil, lower); v.Case() != 0 {
		t.Error("nil is some")
	}
	want := errors.New("object")
	v := LowerMaybe(want, lower)
	if got := LiftMaybe(v, LiftHandle[error]); got != want {
		t.Errorf("object %v", got)
	}
	if got := LiftMaybe(None(), LiftHandle[error]); got != nil {
		t.Errorf("none gives %v", got)
	}
}

func TestResultErrorsOfTheWrongType(t *testing.T) {
	host := Fail("text") // the WIT error is a number
	if _, err := LowerError(t.Context(), host, U32Val); err != host {
		t.Errorf("error %v, want the host's own", err)
	}
	v, err := LowerError(t.Context(), fmt.Errorf("more: %w", Fail(uint32(7))), U32Val)
	if p, _ := v.Payload(); err != nil || v.Case() != 1 || p.U32() != 7 {
		t.Errorf("result %v, %v", v, err)
	}
	if err := LiftError(OKVal(U32Val(1)), Val.U32); err != nil {
		t.Errorf("an ok result gives %v", err)
	}
}
