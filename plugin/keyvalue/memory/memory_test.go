package memory_test

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestContract(t *testing.T) {
	keyvaluetest.Run(t, func(*testing.T) keyvalue.Backend { return memory.New(0) })
}

// TestEmptyEntries: a key costs more than its bytes.
func TestEmptyEntries(t *testing.T) {
	b, err := memory.New(1<<20).Open(t.Context(), keyvalue.Owner{}, "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 1<<20; n++ {
		if b.Set(t.Context(), strconv.Itoa(n), nil) != nil {
			break
		}
	}
	if most := 1 << 20 / memory.EntryBytes; n > most || n < most/2 {
		t.Errorf("a store of 1 MiB takes %d keys", n)
	}
}

func TestBound(t *testing.T) {
	ctx := context.Background()
	b, err := memory.New(10+2*memory.EntryBytes).Open(ctx, keyvalue.Owner{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Set(ctx, "key", []byte("1234567")); err != nil {
		t.Error(err)
	}
	if err := b.Set(ctx, "k", nil); err == nil {
		t.Error("a full store took another key")
	}
	if err := b.Set(ctx, "key", []byte("123456")); err != nil {
		t.Error(err)
	}
	if err := b.Set(ctx, "k", nil); err != nil {
		t.Error(err)
	}
	if err := b.Delete(ctx, "key"); err != nil {
		t.Error(err)
	}
	if err := b.Set(ctx, "l", []byte("12345678")); err != nil {
		t.Error(err)
	}
}

// TestDataGoesWithItsWorkload: what a component has stored is gone when all that it was bound for is released, and nothing
// of anybody else's.
func TestDataGoesWithItsWorkload(t *testing.T) {
	ctx := t.Context()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	b := memory.New(0)
	p := keyvalue.New(b)
	bind := func(workloadName string) (release func()) {
		w := &workload.Spec{Namespace: "n", Name: workloadName}
		release, err := p.Bind(ctx, engine.NewLinker(nil), &host.Binding{Workload: w, Component: &workload.Component{Name: "c"}})
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	count := func(workloadName string) uint64 {
		bucket, err := b.Open(ctx, keyvalue.Owner{Namespace: "n", Workload: workloadName, Component: "c"}, "")
		if err != nil {
			t.Fatal(err)
		}
		n, err := bucket.Increment(ctx, "n", 1)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, second, other := bind("w"), bind("w"), bind("v") // linked into two programs of one workload; and another workload
	got := []uint64{count("w"), count("v")}
	first()
	got = append(got, count("w"))
	second()
	got = append(got, count("w"), count("v"))
	other()
	got = append(got, count("v"))
	if want := []uint64{1, 1, 2, 1, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("counted %d, want %d", got, want)
	}
}
