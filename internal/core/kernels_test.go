package core

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
)

// kernels are the functions of testdata/kernels/kernels.c, which says what each is like.
var kernels = []string{"checksum", "digest", "parse", "matrix", "partition", "lookup", "interpret", "calls", "indirect", "bodies"}

// plainKernels has them without fuel, as wazero runs any module.
func plainKernels(t testing.TB, config wazero.RuntimeConfig) func(name string) uint64 {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features))
	t.Cleanup(func() { _ = r.Close(ctx) })
	mod, err := r.Instantiate(ctx, fixture(t, "kernels/kernels"))
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) uint64 {
		out, err := mod.ExportedFunction(name).Call(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
}

// countedKernels has them as guests run.
func countedKernels(t testing.TB) func(name string) uint64 {
	w := newWorld(t, Config{})
	i, err := w.e.Instantiate(w.ctx, w.group(Limits{}), w.compile(fixture(t, "kernels/kernels")), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) uint64 {
		stack := []uint64{0}
		if err := i.Func(name).Call(w.ctx, stack); err != nil {
			t.Fatal(err)
		}
		return stack[0]
	}
}

// TestKernels: each computes what the interpreter says, also the second time.
func TestKernels(t *testing.T) {
	want, plain, counted := plainKernels(t, wazero.NewRuntimeConfigInterpreter()), plainKernels(t, wazero.NewRuntimeConfig()), countedKernels(t)
	for _, name := range kernels {
		n := want(name)
		for range 2 {
			if a, b := plain(name), counted(name); a != n || b != n {
				t.Errorf("%s: %d, %d with fuel, want %d", name, a, b, n)
			}
		}
	}
}

// BenchmarkKernels is what loops and calls cost that count their fuel (counted), beside the same without (plain).
func BenchmarkKernels(b *testing.B) {
	plain, counted := plainKernels(b, wazero.NewRuntimeConfig()), countedKernels(b)
	for _, name := range kernels {
		for _, k := range []struct {
			kind string
			run  func(string) uint64
		}{{"plain", plain}, {"counted", counted}} {
			b.Run(name+"/"+k.kind, func(b *testing.B) {
				for b.Loop() {
					k.run(name)
				}
			})
		}
	}
}
