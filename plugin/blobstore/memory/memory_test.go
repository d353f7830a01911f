package memory_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"testing/iotest"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestContract(t *testing.T) {
	blobstoretest.Run(t, func(*testing.T) blobstore.Backend { return memory.New(0) })
}

// TestContractWithoutOptional: the suite needs no optional interface.
func TestContractWithoutOptional(t *testing.T) {
	blobstoretest.Run(t, func(*testing.T) blobstore.Backend { return blobstoretest.WithoutOptional(memory.New(0)) })
}

func pendingPut(s blobstore.Store, ctx context.Context, container, object string, data []byte) error {
	_, err := s.Put(ctx, container, object, bytes.NewReader(data))
	return err
}

// TestEmptyEntries: a container or an object costs more than its bytes.
func TestEmptyEntries(t *testing.T) {
	for name, add := range map[string]func(s blobstore.Store, name string) error{
		"containers": func(s blobstore.Store, name string) error { return s.CreateContainer(t.Context(), name) },
		"objects":    func(s blobstore.Store, name string) error { return pendingPut(s, t.Context(), "c", name, nil) },
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

// TestBound tries all calls that take or free space in a store of ten bytes and three entries.
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
		{"an object", func() error { return pendingPut(s, ctx, "abc", "o", large(5)) }, false},
		{"too large a replacement", func() error { return pendingPut(s, ctx, "abc", "o", large(7)) }, true},
		{"a replacement", func() error { return pendingPut(s, ctx, "abc", "o", large(6)) }, false},
		{"another object", func() error { return pendingPut(s, ctx, "abc", "p", nil) }, true},
		{"another container", func() error { return s.CreateContainer(ctx, "d") }, true},
		{"a smaller replacement", func() error { return pendingPut(s, ctx, "abc", "o", []byte("12345")) }, false},
		{"the last byte", func() error { return pendingPut(s, ctx, "abc", "p", nil) }, false},
		{"deletion", func() error { return s.Delete(ctx, "abc", "o", "o", "none") }, false},
		{"what it gave back", func() error { return pendingPut(s, ctx, "abc", "q", []byte("12345")) }, false},
		{"one byte more", func() error { return pendingPut(s, ctx, "abc", "r", nil) }, true},
		{"deletion of all", func() error { return s.DeleteContainer(ctx, "abc") }, false},
		{"all of it", func() error { return s.CreateContainer(ctx, "1234567890") }, false},
	} {
		if err := step.do(); (err != nil) != step.full {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if c, err := memory.New(10).Store(blobstore.Owner{}).Container(ctx, "1234567890"); err == nil {
		t.Errorf("two backends share a container of %v", c.Created)
	}
}

// TestOwnersHaveTheirOwnBound: one component cannot fill another's store.
func TestOwnersHaveTheirOwnBound(t *testing.T) {
	b := memory.New(4 + memory.EntryBytes)
	for _, name := range []string{"ada", "bob"} {
		if err := b.Store(blobstore.Owner{Component: name}).CreateContainer(t.Context(), "1234"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDropWithWorkload: a component's data, and no other's, is deleted with its last binding.
func TestDropWithWorkload(t *testing.T) {
	b := memory.New(0)
	backendtest.Lifetime(t, blobstore.New(b), workload.Grants{}, false, func(owner backend.Owner) bool {
		err := b.Store(owner).CreateContainer(t.Context(), "kept")
		if err != nil && !errors.Is(err, blobstore.ErrExists) {
			t.Fatal(err)
		}
		return err != nil
	})
}

// TestConcurrentPutsShareTheBound: a running Put takes space as it grows, and frees it if it fails.
func TestConcurrentPutsShareTheBound(t *testing.T) {
	const room = 1 << 20
	ctx := t.Context()
	s := memory.New(room + 10*memory.EntryBytes).Store(blobstore.Owner{})
	if err := s.CreateContainer(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	first := make(chan error)
	go func() {
		_, err := s.Put(ctx, "c", "first", r)
		first <- err
	}()
	if _, err := w.Write(make([]byte, room*3/4)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(ctx, "c", "second", iotest.HalfReader(bytes.NewReader(make([]byte, room/2)))); !errors.Is(err, blobstore.ErrFull) {
		t.Errorf("beside another that is under way: %v", err)
	}
	w.CloseWithError(errors.New("cable pulled"))
	if err := <-first; err == nil {
		t.Error("half an object was put")
	}
	if _, err := s.Put(ctx, "c", "second", struct{ io.Reader }{bytes.NewReader(make([]byte, room))}); err != nil {
		t.Errorf("behind it: %v", err)
	}
}
