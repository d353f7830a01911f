// Package keyvaluetest is the contract of keyvalue.Backend as a test suite: a backend is in when it passes.
package keyvaluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// Run tests a backend; make gives a new, empty one.
func Run(t *testing.T, make func(*testing.T) keyvalue.Backend) {
	ctx := context.Background()
	ada := keyvalue.Owner{Namespace: "n", Workload: "w", Component: "ada"}
	open := func(t *testing.T, b keyvalue.Backend, o keyvalue.Owner) keyvalue.Bucket {
		t.Helper()
		bucket, err := b.Open(ctx, o, "default")
		if err != nil {
			t.Fatal(err)
		}
		return bucket
	}
	get := func(t *testing.T, b keyvalue.Bucket, key string) string {
		t.Helper()
		v, ok, err := b.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return "none"
		}
		return string(v)
	}
	set := func(t *testing.T, b keyvalue.Bucket, key, value string) {
		t.Helper()
		if err := b.Set(ctx, key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("values come back as they went in", func(t *testing.T) {
		b := open(t, make(t), ada)
		for _, v := range []string{"", "x", "a\x00b\xff", string([]byte{0})} {
			set(t, b, "k", v)
			if got := get(t, b, "k"); got != v {
				t.Errorf("had %q, wanted %q", got, v)
			}
		}
		if got := get(t, b, "other"); got != "none" {
			t.Errorf("a key that was never set has %q", got)
		}
	})
	t.Run("a stored value is a copy", func(t *testing.T) {
		b := open(t, make(t), ada)
		v := []byte("abc")
		if err := b.Set(ctx, "k", v); err != nil {
			t.Fatal(err)
		}
		v[0] = 'X'
		if got := get(t, b, "k"); got != "abc" {
			t.Errorf("had %q", got)
		}
	})
	t.Run("deleting is idempotent", func(t *testing.T) {
		b := open(t, make(t), ada)
		set(t, b, "k", "v")
		for range 2 {
			if err := b.Delete(ctx, "k"); err != nil {
				t.Fatal(err)
			}
		}
		if got := get(t, b, "k"); got != "none" {
			t.Errorf("had %q", got)
		}
	})
	t.Run("two openings see one bucket", func(t *testing.T) {
		backend := make(t)
		set(t, open(t, backend, ada), "k", "v")
		if got := get(t, open(t, backend, ada), "k"); got != "v" {
			t.Errorf("had %q", got)
		}
	})
	t.Run("owners see their own", func(t *testing.T) {
		backend := make(t)
		set(t, open(t, backend, ada), "k", "v")
		bob := ada
		bob.Component = "bob"
		if got := get(t, open(t, backend, bob), "k"); got != "none" {
			t.Errorf("another component sees %q", got)
		}
	})
	t.Run("unknown names are refused", func(t *testing.T) {
		if _, err := make(t).Open(ctx, ada, "no-such-store"); !errors.Is(err, keyvalue.ErrNoSuchStore) {
			t.Errorf("had %v", err)
		}
	})
	t.Run("every key is listed once", func(t *testing.T) {
		b := open(t, make(t), ada)
		var want []string
		for i := range 250 {
			want = append(want, fmt.Sprintf("key-%03d", i))
			set(t, b, want[i], "v")
		}
		var got []string
		for cursor := uint64(0); ; {
			keys, next, err := b.Keys(ctx, cursor)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, keys...)
			if cursor = next; next == 0 {
				break
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d keys listed, wanted %d, each once", len(got), len(want))
		}
	})
	t.Run("increments add up, also at once", func(t *testing.T) {
		b := open(t, make(t), ada)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					if _, err := b.Increment(ctx, "n", 2); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := get(t, b, "n"); got != "800" {
			t.Errorf("had %s, wanted 800", got)
		}
		set(t, b, "s", "text")
		if _, err := b.Increment(ctx, "s", 1); err == nil {
			t.Error("text was incremented")
		}
		set(t, b, "max", "18446744073709551615")
		if _, err := b.Increment(ctx, "max", 1); err == nil {
			t.Error("a sum beyond 64 bits went through")
		}
	})
}
