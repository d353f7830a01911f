package core

import (
	"errors"
	"math/rand"
	"slices"
	"testing"
)

// snapshot takes a group and ends the test if it cannot.
func snapshot(t testing.TB, g *Group, images *Images) *Snapshot {
	t.Helper()
	s, err := g.Snapshot(images)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Fatalf("right after the snapshot: %v", err)
	}
	return s
}

func mustCall(t testing.TB, i *Instance, name string, args ...uint64) uint64 {
	t.Helper()
	v, err := call(i, name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// ways runs a test with each way of telling which pages were written.
func ways(t *testing.T, f func(t *testing.T, w *world)) {
	each(t, f)
	t.Run("pagemap file", func(t *testing.T) { oldPagemap(t); f(t, newWorld(t, Config{})) })
	t.Run("no pagemap", func(t *testing.T) { noPagemap(t); f(t, newWorld(t, Config{})) })
	t.Run("no images", func(t *testing.T) { noImages(t); f(t, newWorld(t, Config{})) })
	t.Run("Go's memory", func(t *testing.T) { f(t, newWorld(t, Config{goMemory: true})) })
	t.Run("no count of faults", func(t *testing.T) { noFaults(t); f(t, newWorld(t, Config{})) })
}

func TestReset(t *testing.T) {
	ways(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		i := w.must(g, "reset")
		mustCall(t, i, "store", 5000, 9)
		s := snapshot(t, g, new(Images))
		rnd := rand.New(rand.NewSource(1))
		for n := range 300 {
			if v := mustCall(t, i, "load", 5000); v != 9 {
				t.Fatalf("reset %d: byte 5000 is %d", n, v)
			}
			if v := mustCall(t, i, "load", 100); v != 'i' {
				t.Fatalf("reset %d: byte 100 is %d", n, v)
			}
			if v := mustCall(t, i, "call"); v != 1 {
				t.Fatalf("reset %d: call %d", n, v)
			}
			for range rnd.Intn(20) {
				mustCall(t, i, "store", uint64(rnd.Intn(4<<16)), 77)
			}
			if n%17 == 0 {
				mustCall(t, i, "fill", 0, 4<<16, 3)
			}
			if n%5 == 0 {
				if v := mustCall(t, i, "grow", 1+uint64(n%3)); v != 4 {
					t.Fatalf("reset %d: the memory had %d pages", n, v)
				}
				for at := uint64(4 << 16); at < 5<<16; at += 4096 {
					if v := mustCall(t, i, "load", at); v != 0 {
						t.Fatalf("reset %d: grown memory at 0x%x is %d", n, at, v)
					}
				}
				mustCall(t, i, "fill", 4<<16, 1<<16, 5)
			}
			if err := g.Reset(s); err != nil {
				t.Fatalf("reset %d: %v", n, err)
			}
			if err := s.Check(); err != nil {
				t.Fatalf("reset %d: %v", n, err)
			}
			if v := mustCall(t, i, "size"); v != 4 {
				t.Fatalf("reset %d: %d pages", n, v)
			}
		}
		if _, err := call(i, "load", 4<<16); code(err) != "out-of-bounds-memory-access" {
			t.Errorf("behind the end: %v", err)
		}
	})
}

func TestResetOfFullMemory(t *testing.T) {
	ways(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		i := w.must(g, "reset")
		s := snapshot(t, g, new(Images))
		mustCall(t, i, "grow", 4)
		err := g.Reset(s)
		var r *ResetError
		if !errors.As(err, &r) || r.Reason != "memory-grown" {
			t.Errorf("got %v, wanted memory-grown: the memory is at its maximum", err)
		}
		if v := mustCall(t, i, "size"); v != 8 {
			t.Errorf("%d pages", v)
		}
	})
}

func TestResetAccounts(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.group(Limits{Memory: 6 << 16})
	i := w.must(g, "reset")
	s := snapshot(t, g, new(Images))
	for range 3 {
		for range 2 {
			mustCall(t, i, "grow", 1)
		}
		if v := mustCall(t, i, "grow", 1); v != 1<<32-1 {
			t.Errorf("grew beyond the limit: %d", v)
		}
		mustCall(t, i, "fill", 0, 5<<16, 1)
		if g.Fuel() == 0 || g.Memory() != 6<<16 || g.MemoryPeak() != 6<<16 {
			t.Errorf("fuel %d, memory %d, peak %d", g.Fuel(), g.Memory(), g.MemoryPeak())
		}
		if err := g.Reset(s); err != nil {
			t.Fatal(err)
		}
		if g.Fuel() != 0 || g.Memory() != 4<<16 || g.MemoryPeak() != 4<<16 {
			t.Errorf("after a reset: fuel %d, memory %d, peak %d", g.Fuel(), g.Memory(), g.MemoryPeak())
		}
	}
}

func TestImagesAreShared(t *testing.T) {
	ways(t, func(t *testing.T, w *world) {
		var images Images
		m := w.compile(fixture(t, "reset"))
		make := func(change bool) *Snapshot {
			g := w.group(Limits{})
			i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
			if err != nil {
				t.Fatal(err)
			}
			if change {
				mustCall(t, i, "store", 200000, 1)
			}
			return snapshot(t, g, &images)
		}
		a, b, other := make(false), make(false), make(true)
		if a.memories[0].image != b.memories[0].image {
			t.Error("two equal memories have two images")
		}
		if a.memories[0].image == other.memories[0].image {
			t.Error("memories that differ share an image")
		}
		if images.Bytes() != 4<<16 {
			t.Errorf("the images have %d bytes", images.Bytes())
		}
		mustCall(t, a.memories[0].inst, "store", 100, 1)
		if v := mustCall(t, b.memories[0].inst, "load", 100); v != 'i' {
			t.Errorf("one instance sees what another writes: %d", v)
		}
	})
}

// TestRangeAfterImage checks that a memory that is made where an image was mapped starts with zeroes.
func TestRangeAfterImage(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.e.NewGroup(Limits{})
	i := w.must(g, "reset")
	mustCall(t, i, "fill", 0, 4<<16, 7)
	snapshot(t, g, new(Images))
	mustCall(t, i, "store", 0, 8)
	if err := g.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	next := w.must(w.group(Limits{}), "reset")
	for at, v := range next.Memory("memory").Bytes() {
		if at < 100 && v != 0 || at > 200 && v != 0 {
			t.Fatalf("byte %d is %d", at, v)
		}
	}
}

func TestNotResettable(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.group(Limits{})
	i := w.must(g, "unreset")
	want := []string{"table-changed", "segment-dropped", "vector-global"}
	if got := i.module.Info().NotResettable; !slices.Equal(got, want) {
		t.Errorf("got %v, wanted %v", got, want)
	}
	_, err := g.Snapshot(new(Images))
	var r *ResetError
	if !errors.As(err, &r) || r.Reason != "table-changed" {
		t.Errorf("got %v", err)
	}
	if why := w.must(g, "reset").module.Info().NotResettable; len(why) != 0 {
		t.Errorf("reset.wat: %v", why)
	}
}

func TestResetOfClosedGroup(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.e.NewGroup(Limits{})
	w.must(g, "reset")
	s := snapshot(t, g, new(Images))
	if err := g.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.Reset(s); err == nil {
		t.Error("a closed group was reset")
	}
}

// BenchmarkReset is a call that writes to a page, and the reset after it.
func BenchmarkReset(b *testing.B) {
	w := newWorld(b, Config{})
	g := w.group(Limits{})
	i := w.must(g, "reset")
	s, err := g.Snapshot(new(Images))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := call(i, "store", 100, 1); err != nil {
			b.Fatal(err)
		}
		if err := g.Reset(s); err != nil {
			b.Fatal(err)
		}
	}
}

// TestResetGivesFuel: each use has the whole of what the limit allows.
func TestResetGivesFuel(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.group(Limits{Fuel: 10_000, CheckEvery: 100})
	i := w.must(g, "reset")
	s := snapshot(t, g, new(Images))
	for round := range 5 {
		mustCall(t, i, "count", 9_000)
		if f := g.Fuel(); f < 9_000 || f > 9_500 {
			t.Errorf("round %d: fuel %d", round, f)
		}
		if err := g.Reset(s); err != nil {
			t.Fatal(err)
		}
	}
	mustCall(t, i, "count", 9_000)
	if _, err := call(i, "count", 9_000); code(err) != "fuel" {
		t.Errorf("twice without a reset: %v", err)
	}
}
