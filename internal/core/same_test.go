package core

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// differ says what is different in what two runs of the same did; empty if nothing is.
func differ(p fuzzPlan, a, b run) string {
	if a.made != b.made {
		return fmt.Sprintf("made: %q, %q", a.made, b.made)
	}
	for i := range a.calls {
		if i >= len(b.calls) {
			return fmt.Sprintf("%d calls, %d calls", len(a.calls), len(b.calls))
		}
		x, y := a.calls[i], b.calls[i]
		if x.trap != y.trap || !slices.Equal(x.results, y.results) {
			return fmt.Sprintf("call %d of %s%x: %q %x, %q %x", i, p.calls[i].name, p.calls[i].args, x.trap, x.results, y.trap, y.results)
		}
	}
	switch {
	case !slices.Equal(a.fuel, b.fuel):
		return fmt.Sprintf("fuel: %d, %d", a.fuel, b.fuel)
	case !bytes.Equal(a.memory, b.memory):
		return fmt.Sprintf("memory: %d bytes, %d bytes, different", len(a.memory), len(b.memory))
	case !maps.Equal(a.globals, b.globals):
		return fmt.Sprintf("globals: %x, %x", a.globals, b.globals)
	case !slices.Equal(a.log, b.log):
		return fmt.Sprintf("host calls: %x, %x", a.log, b.log)
	}
	return ""
}

// FuzzSame says that a rewritten module computes what the original does: the same results and traps, memory, globals, tables
// and calls of the host; that its fuel is what the module itself counts, whatever the interval between checks; that it
// ends where its fuel does; and that after a reset it does all of it again. Modules are generated, well-typed, from the
// bytes.
func FuzzSame(f *testing.F) {
	w := newTwins(f)
	r := rand.New(rand.NewPCG(3, 4))
	for range 16 {
		f.Add(someBytes(r))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) < 4096 {
			w.compare(t, in)
		}
	})
}

// compare makes a module of bytes and compares what it does with what it does rewritten.
func (w *twins) compare(t *testing.T, in []byte) run {
	p, original, rewritten, g := planOf(in)
	want := w.original(t, original, p, g)
	if g.elemOutOfBounds && !g.dataOutOfBounds {
		// wazero ignores what a table has no place for, and what it did then is nothing to compare with.
		want = run{made: cm.TrapTableOutOfBounds}
	}
	x := w.make(t, rewritten, p, p.limits)
	defer x.close(t)
	snap := x.snapshot(t)
	got := x.calls(p, "")
	account(&want, &got)
	if d := differ(p, want, got); d != "" {
		t.Fatalf("original, rewritten: %s\n%x", d, in)
	}
	if !slices.IsSorted(got.fuel) {
		t.Fatalf("fuel goes down: %d", got.fuel)
	}
	if x.made == nil {
		x.again(t, p, snap, got)
	}
	w.starve(t, rewritten, p, got)
	return got
}

// uses is how much fuel each call has used, of what it was after each.
func uses(fuel []uint64) []uint64 {
	used := slices.Clone(fuel)
	for i := len(fuel) - 1; i > 0; i-- {
		used[i] -= fuel[i-1]
	}
	return used
}

// counted says whether a call that has used some fuel may have counted n: all of it, or less if it has trapped, because a loop that counts in
// a local does not count what it has used since its beginning.
func counted(n, used uint64, o outcome) bool { return n == used || n < used && o.trap != "" }

// account takes off want's fuel, which is the module's own count, what got need not count. It gives got the module's count.
func account(want, got *run) {
	got.used = uses(want.fuel)
	if len(want.fuel) != len(got.fuel) {
		return
	}
	want.fuel = slices.Clone(want.fuel)
	for i := 1; i < len(want.fuel); i++ {
		used := got.used[i]
		if n := got.fuel[i] - got.fuel[i-1]; counted(n, used, got.calls[i-1]) {
			used = n
		}
		want.fuel[i] = want.fuel[i-1] + used
	}
}

func (x *twin) close(t *testing.T) {
	if err := x.group.Close(x.ctx); err != nil {
		t.Error(err)
	}
}

// snapshot takes one where the module allows it; else it is nil.
func (x *twin) snapshot(t *testing.T) *Snapshot {
	if x.made != nil || len(x.inst.module.info.NotResettable) > 0 {
		return nil
	}
	s, err := x.group.Snapshot(&Images{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// again resets the twin and has it do everything once more.
func (x *twin) again(t *testing.T, p fuzzPlan, snap *Snapshot, want run) {
	if snap == nil {
		return
	}
	err := x.group.Reset(snap)
	var re *ResetError
	if errors.As(err, &re) && re.Reason == "memory-grown" {
		return // to its maximum, from where there is no way back
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := snap.Check(); err != nil {
		t.Fatal(err)
	}
	x.log.calls = nil
	got := x.calls(p, "")
	want.log = want.log[want.logged:]
	want.fuel = make([]uint64, len(want.used)) // it starts again at a reset
	for i := 1; i < len(want.used); i++ {
		want.fuel[i] = want.fuel[i-1] + want.used[i]
	}
	account(&want, &got)
	if d := differ(p, want, got); d != "" {
		t.Fatalf("first, after a reset: %s", d)
	}
}

// starve gives the module less fuel than it needs: it does the same until the very step that goes past the limit.
func (w *twins) starve(t *testing.T, wasm []byte, p fuzzPlan, full run) {
	if len(full.fuel) == 0 || full.fuel[len(full.fuel)-1] == 0 {
		return
	}
	l := p.limits
	l.Fuel = max(1, full.fuel[len(full.fuel)-1]*p.fuelPart/256)
	x := w.make(t, wasm, p, l)
	defer x.close(t)
	got := x.calls(p, cm.TrapFuel)
	if ends := full.used[0] > l.Fuel; ends || got.made != "" {
		if !ends || got.made != cm.TrapFuel {
			t.Fatalf("start section takes %d of %d fuel: %q", full.used[0], l.Fuel, got.made)
		}
		return
	}
	for i, had := range got.calls {
		used, before, after := full.used[i+1], got.fuel[i], got.fuel[i+1]
		if before+used > l.Fuel {
			if len(got.calls) != i+1 || had.trap != cm.TrapFuel || after <= l.Fuel || after > before+used {
				t.Fatalf("call %d takes fuel from %d to %d of %d, but: %v, %d", i, before, before+used, l.Fuel, got.calls, after)
			}
			return
		}
		if want := full.calls[i]; want.trap != had.trap || !slices.Equal(want.results, had.results) || !counted(after-before, used, had) {
			t.Fatalf("call %d: %v and %d with unlimited fuel, %v and %d with %d", i, want, used, had, after-before, l.Fuel)
		}
	}
	full.fuel = got.fuel
	if d := differ(p, full, got); d != "" {
		t.Fatalf("unlimited fuel, %d: %s", l.Fuel, d)
	}
}

func someBytes(r *rand.Rand) []byte {
	b := make([]byte, 30+r.IntN(600))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestGenerated compares what the generator makes of random bytes, and that it is worth comparing.
func TestGenerated(t *testing.T) {
	w := newTwins(t)
	r := rand.New(rand.NewPCG(1, 2))
	const n = 300
	ran, fuel, traps := 0, 0, map[cm.TrapCode]int{}
	for i := range n {
		in := someBytes(r)
		if i%4 > 0 {
			in[0] |= 1 // the interpreter, which starts sooner
		}
		got := w.compare(t, in)
		if t.Failed() {
			t.Fatalf("input %d: %x", i, in)
		}
		for _, c := range got.calls {
			if traps[c.trap]++; c.trap == "" {
				ran++
			}
		}
		if k := len(got.fuel); k > 0 && got.fuel[k-1] > 0 {
			fuel++
		}
	}
	if ran < 4*n || fuel < n/3 || len(traps) < 5 {
		t.Errorf("%d modules: %d calls end well, %d use fuel, ends are %v", n, ran, fuel, traps)
	}
}
