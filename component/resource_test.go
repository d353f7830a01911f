package component_test

import (
	"context"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

var (
	counters = wit.MustParseID("test:resources/counters")
	user     = wit.MustParseID("test:resources/user")
)

func resourcesInstance(t *testing.T) *component.Instance {
	e := engine(t)
	return instantiate(t, e.NewLinker(nil), e, "resources", "../testdata/resources/resources.wasm")
}

func call(t *testing.T, inst *component.Instance, id wit.InterfaceID, name string, args ...cm.Val) (cm.Val, error) {
	t.Helper()
	f, err := inst.Func(id, name)
	if err != nil {
		t.Fatal(err)
	}
	return f.Call(context.Background(), args...)
}

func mustCall(t *testing.T, inst *component.Instance, id wit.InterfaceID, name string, args ...cm.Val) cm.Val {
	t.Helper()
	v, err := call(t, inst, id, name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func wantTrap(t *testing.T, err error, code cm.TrapCode) {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != code {
		t.Errorf("had %v, wanted a trap %q", err, code)
	}
}

func TestGuestToGuestResources(t *testing.T) {
	inst := resourcesInstance(t)
	if v := mustCall(t, inst, user, "make-and-drop", cm.U32Val(42)); v.U32() != 42 {
		t.Errorf("make-and-drop: %d", v.U32())
	}
	if n, last := mustCall(t, inst, counters, "dropped").U32(), mustCall(t, inst, counters, "last").U32(); n != 1 || last != 42 {
		t.Errorf("the destructor ran %d times, last for %d; wanted once, for 42", n, last)
	}
	if v := mustCall(t, inst, user, "hand-over", cm.U32Val(7)); v.U32() != 7 {
		t.Errorf("hand-over: %d", v.U32())
	}
}

func TestHostHoldsGuestResource(t *testing.T) {
	inst := resourcesInstance(t)
	ctx := context.Background()
	c := mustCall(t, inst, counters, "[constructor]counter", cm.U32Val(5))
	if v := mustCall(t, inst, counters, "[method]counter.value", c); v.U32() != 5 {
		t.Errorf("value: %d", v.U32())
	}
	mustCall(t, inst, user, "drop-borrow", c)
	if err := inst.Drop(ctx, c.Resource()); err != nil {
		t.Fatal(err)
	}
	if n := mustCall(t, inst, counters, "dropped").U32(); n != 1 {
		t.Errorf("the destructor ran %d times", n)
	}
	if err := inst.Drop(ctx, c.Resource()); err == nil {
		t.Error("a second drop went through")
	}
	_, err := call(t, inst, counters, "[method]counter.value", c)
	wantTrap(t, err, cm.TrapBadHandle)
}

func TestForeignResourceIsRefused(t *testing.T) {
	a, b := resourcesInstance(t), resourcesInstance(t)
	c := mustCall(t, a, counters, "[constructor]counter", cm.U32Val(5))
	_, err := call(t, b, counters, "[method]counter.value", c)
	wantTrap(t, err, cm.TrapHandleType)
}

func TestResourceTraps(t *testing.T) {
	for _, c := range []struct {
		name string
		code cm.TrapCode
		args []cm.Val
	}{
		{"drop-twice", cm.TrapBadHandle, nil},
		{"use-after-take", cm.TrapBadHandle, nil},
		{"use-nothing", cm.TrapBadHandle, nil},
		{"make-and-drop", cm.TrapUnreachable, []cm.Val{cm.U32Val(666)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst := resourcesInstance(t)
			_, err := call(t, inst, user, c.name, c.args...)
			wantTrap(t, err, c.code)
			_, err = call(t, inst, counters, "dropped")
			wantTrap(t, err, cm.TrapDead)
		})
	}
	t.Run("keep-borrow", func(t *testing.T) {
		inst := resourcesInstance(t)
		counter := mustCall(t, inst, counters, "[constructor]counter", cm.U32Val(5))
		_, err := call(t, inst, user, "keep-borrow", counter)
		wantTrap(t, err, cm.TrapBorrowsLeft)
	})
}
