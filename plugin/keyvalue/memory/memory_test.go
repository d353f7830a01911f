package memory_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestContract(t *testing.T) {
	keyvaluetest.Run(t, func(*testing.T) keyvalue.Backend { return memory.New(0) })
}

// TestContractWithoutOptional: the suite needs no optional interface.
func TestContractWithoutOptional(t *testing.T) {
	keyvaluetest.Run(t, func(*testing.T) keyvalue.Backend { return keyvaluetest.WithoutOptional(memory.New(0)) })
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

// TestDropWithWorkload: a component's data, and no other's, is deleted with its last binding.
func TestDropWithWorkload(t *testing.T) {
	b := memory.New(0)
	backendtest.Lifetime(t, keyvalue.New(b), workload.Grants{}, false, func(owner backend.Owner) bool {
		bucket, err := b.Open(t.Context(), owner, "default")
		if err != nil {
			t.Fatal(err)
		}
		n, err := bucket.(keyvalue.Incrementer).Increment(t.Context(), "n", 1)
		if err != nil {
			t.Fatal(err)
		}
		return n > 1
	})
}
