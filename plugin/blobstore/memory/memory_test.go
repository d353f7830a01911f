package memory_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestContract(t *testing.T) {
	blobstoretest.Run(t, func(*testing.T) blobstore.Backend { return memory.New(0) })
}

// TestEmptyEntries: a container or an object costs more than its bytes.
func TestEmptyEntries(t *testing.T) {
	for name, add := range map[string]func(s blobstore.Store, name string) error{
		"containers": func(s blobstore.Store, name string) error { return s.CreateContainer(t.Context(), name) },
		"objects":    func(s blobstore.Store, name string) error { return s.Put(t.Context(), "c", name, nil) },
	} {
		s := memory.New(1 << 20).Store(blobstore.Owner{})
		if err := s.CreateContainer(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		n := 0
		for n < 1<<20 && add(s, strconv.Itoa(n)) == nil {
			n++
		}
		if most := 1 << 20 / memory.EntryBytes; n > most || n < most/2 {
			t.Errorf("a store of 1 MiB takes %d empty %s", n, name)
		}
	}
}

// TestBound walks a store of ten bytes and three entries through everything that takes and gives back room.
func TestBound(t *testing.T) {
	ctx := t.Context()
	large := func(n int) []byte { return make([]byte, memory.EntryBytes+n) }
	s := memory.New(10 + 3*memory.EntryBytes).Store(blobstore.Owner{})
	for _, step := range []struct {
		name string
		do   func() error
		full bool
	}{
		{"a container too long", func() error { return s.CreateContainer(ctx, string(large(2*memory.EntryBytes+11))) }, true},
		{"a container", func() error { return s.CreateContainer(ctx, "abc") }, false},
		{"an object", func() error { return s.Put(ctx, "abc", "o", large(5)) }, false},
		{"too large a replacement", func() error { return s.Put(ctx, "abc", "o", large(7)) }, true},
		{"a replacement", func() error { return s.Put(ctx, "abc", "o", large(6)) }, false},
		{"another object", func() error { return s.Put(ctx, "abc", "p", nil) }, true},
		{"another container", func() error { return s.CreateContainer(ctx, "d") }, true},
		{"a smaller replacement", func() error { return s.Put(ctx, "abc", "o", []byte("12345")) }, false},
		{"the last byte", func() error { return s.Put(ctx, "abc", "p", nil) }, false},
		{"deletion", func() error { return s.Delete(ctx, "abc", "o", "o", "none") }, false},
		{"what it gave back", func() error { return s.Put(ctx, "abc", "q", []byte("12345")) }, false},
		{"one byte more", func() error { return s.Put(ctx, "abc", "r", nil) }, true},
		{"deletion of all", func() error { return s.DeleteContainer(ctx, "abc") }, false},
		{"all of it", func() error { return s.CreateContainer(ctx, "1234567890") }, false},
	} {
		if err := step.do(); (err != nil) != step.full {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if o, err := memory.New(10).Store(blobstore.Owner{}).Get(ctx, "1234567890", "o"); err == nil {
		t.Errorf("two backends share %q", o.Data)
	}
}

// TestOwnersHaveTheirOwnRoom: one component cannot fill another's store.
func TestOwnersHaveTheirOwnRoom(t *testing.T) {
	b := memory.New(4 + memory.EntryBytes)
	for _, name := range []string{"ada", "bob"} {
		if err := b.Store(blobstore.Owner{Component: name}).CreateContainer(t.Context(), "1234"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
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
	p := blobstore.New(b)
	bind := func(workloadName string) (release func()) {
		w := &workload.Spec{Namespace: "n", Name: workloadName}
		release, err := p.Bind(ctx, engine.NewLinker(nil), &host.Binding{Workload: w, Component: &workload.Component{Name: "c"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Store(blobstore.Owner{Namespace: "n", Workload: workloadName, Component: "c"}).CreateContainer(ctx, "kept"); err != nil && !errors.Is(err, blobstore.ErrExists) {
			t.Fatal(err)
		}
		return release
	}
	has := func(workloadName string) bool {
		_, err := b.Store(blobstore.Owner{Namespace: "n", Workload: workloadName, Component: "c"}).Container(ctx, "kept")
		return err == nil
	}
	first, second, other := bind("w"), bind("w"), bind("v") // linked into two programs of one workload; and another workload
	got := []bool{has("w"), has("v")}
	first()
	got = append(got, has("w"))
	second()
	got = append(got, has("w"), has("v"))
	other()
	got = append(got, has("v"))
	if want := []bool{true, true, true, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("has %v, want %v", got, want)
	}
}
