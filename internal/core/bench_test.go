package core

import (
	"context"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// BenchmarkHostToGuest is a call on a task's thread.
func BenchmarkHostToGuest(b *testing.B) {
	w := newWorld(b, Config{})
	g := w.group(Limits{})
	f, task, stack := w.must(g, "basics").Func("id"), begin(g, 0), []uint64{7}
	b.ReportAllocs()
	for b.Loop() {
		if err := f.CallOn(task.Thread(), task, stack); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGuestToHost is a call into the guest and one out of it; take BenchmarkHostToGuest away.
func BenchmarkGuestToHost(b *testing.B) {
	w := newWorld(b, Config{})
	g := w.group(Limits{})
	f, task, stack := w.must(g, "basics").Func("twice"), begin(g, 0), []uint64{7}
	b.ReportAllocs()
	for b.Loop() {
		stack[0] = 7
		if err := f.CallOn(task.Thread(), task, stack); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostError unwinds one host call.
func BenchmarkHostError(b *testing.B) {
	w := newWorld(b, Config{})
	f := w.must(w.group(Limits{}), "basics").Func("call_fail")
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Call(w.ctx, nil); err == nil {
			b.Fatal("no error")
		}
	}
}

// BenchmarkLoop is 4096 iterations of a loop that does nothing else: the worst case of fuel.
func BenchmarkLoop(b *testing.B) {
	w := newWorld(b, Config{})
	f := w.must(w.group(Limits{}), "basics").Func("count")
	stack := []uint64{0}
	for b.Loop() {
		stack[0] = 4096
		if err := f.Call(w.ctx, stack); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInstantiate makes a group with one small instance that is called once, and closes it.
func BenchmarkInstantiate(b *testing.B) {
	w := newWorld(b, Config{})
	m := w.compile(fixture(b, "basics"))
	sources := []*Instance{w.host}
	ctx := context.Background()
	stack := []uint64{1}
	b.ReportAllocs()
	for b.Loop() {
		g := w.e.NewGroup(Limits{})
		i, err := w.e.Instantiate(ctx, g, m, sources)
		if err != nil {
			b.Fatal(err)
		}
		if err := i.Func("id").Call(ctx, stack); err != nil {
			b.Fatal(err)
		}
		if err := g.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRewrite(b *testing.B) {
	wasm := corpus(b)["go126-http-p2/0"]
	slots := make([]corewasm.Slot, len(slotsFor(b, wasm)))
	b.SetBytes(int64(len(wasm)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := corewasm.Rewrite(wasm, corewasm.Options{Slots: slots}); err != nil {
			b.Fatal(err)
		}
	}
}
