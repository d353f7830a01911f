package keyvalue_test

import (
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
)

// BenchmarkCalls calls the plugin's functions over the memory backend, as the bindings call them for a guest.
func BenchmarkCalls(b *testing.B) {
	ctx := b.Context()
	s := keyvalue.Serve(memory.New(0))
	bucket, err := s.Open(ctx, "")
	if err != nil {
		b.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	value := make([]byte, 100)
	keys := make([]string, 100)
	pairs := make([]cm.Tuple2[string, []byte], 10)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
		must(bucket.Set(ctx, keys[i], value))
	}
	for i := range pairs {
		pairs[i] = cm.Tuple2[string, []byte]{F0: keys[i], F1: value}
	}
	var none bindings.Bucket
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"open", func() (err error) { none, err = s.Open(ctx, ""); return err }},
		{"get", func() error { _, err := bucket.Get(ctx, "key-50"); return err }},
		{"set", func() error { return bucket.Set(ctx, "key-50", value) }},
		{"exists", func() error { _, err := bucket.Exists(ctx, "key-50"); return err }},
		{"increment", func() error { _, err := s.Increment(ctx, bucket, "n", 1); return err }},
		{"get-many-10", func() error { _, err := s.GetMany(ctx, bucket, keys[:10]); return err }},
		{"set-many-10", func() error { return s.SetMany(ctx, bucket, pairs) }},
		{"list-keys-100", func() error { _, err := bucket.ListKeys(ctx, nil); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(c.do())
			}
		})
	}
	_ = none
}
