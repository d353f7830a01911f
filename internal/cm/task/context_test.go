package task

import (
	"context"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
)

// TestLoansEndInAnyOrder: each gives back what it has borrowed, and keeps its arguments while others come and go.
func TestLoansEndInAnyOrder(t *testing.T) {
	var table handle.Table
	rt := &cm.ResourceType{Name: "r"}
	var hs [3]uint32
	for i := range hs {
		var err error
		if hs[i], err = table.Add(handle.Own(cm.NewResource(rt, nil))); err != nil {
			t.Fatal(err)
		}
	}
	lent := func() (n [3]int) {
		for i, h := range hs {
			e, err := table.Get(h, rt)
			if err != nil {
				t.Fatal(err)
			}
			n[i] = int(e.Lends)
		}
		return n
	}
	var task Context
	begin := func(v uint32, handles ...uint32) (*Loan, []cm.Val) {
		s := task.Loan()
		args := s.Args(2)
		args[1] = cm.U32Val(v)
		for _, h := range handles {
			if _, err := table.Lend(h, rt); err != nil {
				t.Fatal(err)
			}
			s.Lend(h)
		}
		return s, args
	}
	one, a := begin(1, hs[0], hs[1])
	two, b := begin(2, hs[1])
	three, c := begin(3, hs[1], hs[2])
	if one == two || two == three || lent() != [3]int{1, 3, 1} {
		t.Fatalf("lent %v", lent())
	}
	two.End(&table)
	if lent() != [3]int{1, 2, 1} || a[1].U32() != 1 || c[1].U32() != 3 || !b[1].IsZero() {
		t.Errorf("lent %v, arguments %v %v %v", lent(), a, b, c)
	}
	one.End(&table)
	if lent() != [3]int{0, 1, 1} || c[1].U32() != 3 {
		t.Errorf("lent %v", lent())
	}
	again, args := begin(4)
	if again != one || !args[0].IsZero() {
		t.Errorf("the room of a call that has ended: %v", args)
	}
	three.End(&table)
	again.End(&table)
	if lent() != [3]int{} {
		t.Errorf("lent %v", lent())
	}
	if n := testing.AllocsPerRun(100, func() {
		s := task.Loan()
		s.Args(3)[0] = cm.U32Val(1)
		s.End(&table)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestTally: own, host, wait and callees add up to what the call took, whatever was measured how.
func TestTally(t *testing.T) {
	const ms = time.Millisecond
	var root, callee Tally
	callee.AddHost(5*ms, 2*ms)
	if host, wait := Split(5*ms, 9*ms); host != 0 || wait != 5*ms {
		t.Errorf("host %v, wait %v", host, wait)
	}
	inner := callee.Spend(12*ms, 0, 30)
	if inner != (Spent{Guest: 7 * ms, Host: 3 * ms, Wait: 2 * ms, GuestTotal: 7 * ms, WaitTotal: 2 * ms, Fuel: 30, FuelTotal: 30}) {
		t.Errorf("callee: %+v", inner)
	}
	root.Add(12*ms, &inner)
	root.AddHost(10*ms, 0)            // of a function that nobody observes
	root.AddHost(1*ms, 5*ms)          // and one that says it has waited for longer than it ran
	s := root.Spend(40*ms, 4*ms, 100) // 4 ms of the ten
	want := Spent{Guest: 17 * ms, Host: 6 * ms, Wait: 5 * ms, Callees: 12 * ms, GuestTotal: 24 * ms, WaitTotal: 7 * ms, Fuel: 70, FuelTotal: 100}
	if s != want || s.Guest+s.Host+s.Wait+s.Callees != 40*ms {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	(*Tally)(nil).AddHost(ms, 0) // nobody observes
	(*Tally)(nil).Add(ms, &s)
	var none Tally
	if s := none.Spend(ms, time.Hour, 0); s.Guest != ms || s.Host != 0 || s.Wait != 0 {
		t.Errorf("a wait without a host function: %+v", s)
	}
}

type key struct{}

// TestContext: it answers for the call and the limit that are its own, and its caller's context for the rest.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "v"))
	call := &cm.Call{}
	one, two := &Context{Context: ctx, Call: call}, &Context{Context: ctx}
	if cm.CallFrom(one) != call || cm.CallFrom(two) != nil || one.Value(key{}) != "v" {
		t.Error("values")
	}
	limit := &cm.LimitError{Limit: "files"}
	if _, err := bind.LowerError[uint32](one, cm.FailFor(uint32(1), limit), cm.U32Val); err != nil || one.Cause != error(limit) || two.Cause != nil {
		t.Errorf("causes %v and %v, %v", one.Cause, two.Cause, err)
	}
	called := make(chan struct{})
	context.AfterFunc(one, func() { close(called) })
	cancel()
	<-called
	if one.Err() == nil {
		t.Error("it does not end with its caller")
	}
}
