package component_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// TestValuesOfCallsUnderWay: the lists of nested calls count together until the calls end.
func TestValuesOfCallsUnderWay(t *testing.T) {
	e := engine(t)
	l := e.NewLinker(nil)
	var held []int
	list := &cm.Type{Kind: cm.KindList, Elem: &cm.Type{Kind: cm.KindU32}}
	l.Instance(root).Func("take", &cm.FuncType{Params: []cm.Field{{Name: "all", Type: list}}}, func(ctx context.Context, args []cm.Val) (cm.Val, error) {
		held = append(held, cm.AccountOf(ctx).Used())
		return cm.Val{}, nil
	})
	linked := hostileFile(t, e, l, "hoard")
	const n = 100_000
	all := slices.Repeat([]uint32{7}, n)
	const once = n * 24 // cm.Val
	inst, err := linked.Instantiate(t.Context(), component.WithHostMemory(6*once))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // what a call has held is free behind it
		if _, err := inst.Call(t.Context(), "f", all); err != nil {
			t.Fatal(err)
		}
	}
	if want := 5 * once; !slices.Equal(held, slices.Repeat([]int{want}, 5)) {
		t.Errorf("with five nested calls the account holds %d, wanted %d each time", held, want)
	}
	inst, err = linked.Instantiate(t.Context(), component.WithHostMemory(3*once))
	if err != nil {
		t.Fatal(err)
	}
	held = nil
	_, err = inst.Call(t.Context(), "f", all)
	wantTrap(t, err, cm.TrapHostMemory)
	var trap *cm.Trap
	if errors.As(err, &trap) && (trap.Blame() != cm.BlameLimit || trap.Limit() != "hostMemory" || trap.Boundary == nil) {
		t.Errorf("blame %s, limit %s, boundary %v", trap.Blame(), trap.Limit(), trap.Boundary)
	}
	if len(held) > 0 {
		t.Error("the last call was reached")
	}
}

// TestAccountOfAReset: an instance that is set back begins with an empty account, whatever its guest had left.
func TestAccountOfAReset(t *testing.T) {
	e := engine(t)
	l := e.NewLinker(nil)
	var seen []int
	l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		a := cm.AccountOf(ctx)
		seen = append(seen, a.Used())
		return cm.Val{}, a.Reserve(700)
	})
	linked := hostileFile(t, e, l, "chain")
	inst, err := linked.Instantiate(t.Context(), component.WithHostMemory(1000), component.WithReset(component.Fresh, nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := inst.Call(t.Context(), "f"); err != nil {
			t.Fatal(err)
		}
		if err := inst.Reset(t.Context(), inst.Info()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(seen, []int{0, 0, 0}) {
		t.Errorf("the account began with %d", seen)
	}
	if _, err := inst.Call(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	_, err = inst.Call(t.Context(), "f")
	wantTrap(t, err, cm.TrapHostMemory)
}
