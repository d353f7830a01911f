package memory_test

import (
	"context"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
)

func TestContract(t *testing.T) {
	keyvaluetest.Run(t, func(*testing.T) keyvalue.Backend { return memory.New(0) })
}

func TestBound(t *testing.T) {
	ctx := context.Background()
	b, err := memory.New(10).Open(ctx, keyvalue.Owner{}, "")
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
