//go:build !wasip1

package cabi

import "testing"

// TestReceived: what the host passes stays where it is until it is released, whatever crossings come and go meanwhile, and memory is used again.
func TestReceived(t *testing.T) {
	text := func(s string) uint32 {
		at := receive(uint32(len(s)), 1)
		copy(memory(at, uint32(len(s))), s)
		return at
	}
	early := text("early")
	size := 0
	for n := range 3000 {
		Enter()
		String("what the program passes")
		late := text("late")
		large := receive(100_000, 8)
		Leave()
		Release(large, 100_000)
		if got := TakeString(late, 4); got != "late" {
			t.Fatalf("%q", got)
		}
		if n == 100 {
			size = len(emulated)
		}
	}
	if got := TakeString(early, 5); got != "early" {
		t.Errorf("%q", got)
	}
	if len(emulated) != size {
		t.Errorf("memory has grown from %d to %d", size, len(emulated))
	}
	Release(early, 5) // again: nothing
	Release(1, 0)
	for i := range blockCount {
		if blocks[i].live != 0 {
			t.Errorf("block %d has %d values that were released", i, blocks[i].live)
		}
	}
}

// TestObjects: representations are values' own, and are forgotten with them.
func TestObjects(t *testing.T) {
	var o Objects[string]
	a, b := o.Add("a"), o.Add("b")
	if a == 0 || a == b || o.Get(a) != "a" {
		t.Errorf("%d, %d, %q", a, b, o.Get(a))
	}
	if v, ok := o.Take(b); !ok || v != "b" {
		t.Errorf("%q, %v", v, ok)
	}
	if _, ok := o.Take(b); ok {
		t.Error("taken twice")
	}
}
