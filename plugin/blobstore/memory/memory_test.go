package memory_test

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
)

func TestContract(t *testing.T) {
	blobstoretest.Run(t, func(*testing.T) blobstore.Backend { return memory.New(0) })
}

// TestBound walks a store of ten bytes through everything that takes and gives back room.
func TestBound(t *testing.T) {
	ctx := t.Context()
	s := memory.New(10).Store(blobstore.Owner{})
	for _, step := range []struct {
		name string
		do   func() error
		full bool
	}{
		{"a container too long", func() error { return s.CreateContainer(ctx, "12345678901") }, true},
		{"a container", func() error { return s.CreateContainer(ctx, "abc") }, false},
		{"an object", func() error { return s.Put(ctx, "abc", "o", []byte("12345")) }, false},
		{"too large a replacement", func() error { return s.Put(ctx, "abc", "o", []byte("1234567")) }, true},
		{"a replacement", func() error { return s.Put(ctx, "abc", "o", []byte("123456")) }, false},
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
	b := memory.New(4)
	for _, name := range []string{"ada", "bob"} {
		if err := b.Store(blobstore.Owner{Component: name}).CreateContainer(t.Context(), "1234"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
