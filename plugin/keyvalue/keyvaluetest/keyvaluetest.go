// Package keyvaluetest is the contract of keyvalue.Backend as a test suite, which every backend must pass.
package keyvaluetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// Run tests a backend; fresh returns a new, empty one. It tests the optional interfaces that the buckets implement; a backend asserts
// these by declarations such as var _ keyvalue.Batcher = (*bucket)(nil).
func Run(t *testing.T, fresh func(*testing.T) keyvalue.Backend) {
	for _, c := range []struct {
		name string
		test func(*tester)
	}{
		{"values read as they were set", roundTrip},
		{"a stored value is a copy", copies},
		{"values that were read do not change", snapshotReads},
		{"keys are only names", names},
		{"deleting is idempotent", deleting},
		{"two openings see one bucket", sharedBucket},
		{"closing one opening leaves the others", closing},
		{"buckets of different names are different", buckets},
		{"owners are isolated", owners},
		{"every key is listed once", listing},
		{"keys that stay are listed while others change", changesWhileListing},
		{"cursors are valid in another opening", cursors},
		{"invented cursors do no harm", inventedCursors},
		{"concurrent calls are atomic", atomic},
		{"calls end with their context", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(start(t, fresh)) })
	}
	optional(t, fresh, "exists", exists)
	optional(t, fresh, "batches", batches)
	optional(t, fresh, "increments add up, also at once", increments)
	optional(t, fresh, "swaps take place where nothing has changed", swaps)
	optional(t, fresh, "of swaps at once one takes place", concurrentSwaps)
}

// optional tests an optional interface of buckets.
func optional[P any](t *testing.T, fresh func(*testing.T) keyvalue.Backend, name string, test func(*tester, P)) {
	t.Run(name, func(t *testing.T) {
		s := start(t, fresh)
		p, can := s.bucket.(P)
		if !can {
			t.Logf("its buckets have no %T", (*P)(nil))
			return
		}
		test(s, p)
	})
}

// WithoutOptional is b without the optional interfaces of its buckets.
func WithoutOptional(b keyvalue.Backend) keyvalue.Backend { return plain{b} }

type plain struct{ keyvalue.Backend }

func (p plain) Open(ctx context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	b, err := p.Backend.Open(ctx, owner, name)
	return struct{ keyvalue.Bucket }{b}, err
}

// Drop calls b's Drop, if it has one.
func (p plain) Drop(owner keyvalue.Owner) {
	if d, ok := p.Backend.(interface{ Drop(keyvalue.Owner) }); ok {
		d.Drop(owner)
	}
}

var ada = keyvalue.Owner{Namespace: "n", Workload: "w", Component: "ada"}

type tester struct {
	*testing.T
	ctx     context.Context
	backend keyvalue.Backend
	bucket  keyvalue.Bucket // ada's
}

func start(t *testing.T, fresh func(*testing.T) keyvalue.Backend) *tester {
	s := &tester{T: t, ctx: t.Context(), backend: fresh(t)}
	s.bucket = s.open(ada, "default")
	return s
}

func (t *tester) open(owner keyvalue.Owner, name string) keyvalue.Bucket {
	t.Helper()
	b, err := t.backend.Open(t.ctx, owner, name)
	t.ok(err)
	return b
}

func (t *tester) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *tester) set(key, value string) {
	t.Helper()
	t.ok(t.bucket.Set(t.ctx, key, []byte(value)))
}

// want checks the value of a key in b; "none" means no value.
func (t *tester) want(b keyvalue.Bucket, key, want string) {
	t.Helper()
	v, ok, err := b.Get(t.ctx, key)
	t.ok(err)
	got := string(v)
	if !ok {
		got = "none"
	}
	if got != want {
		t.Errorf("%.40q has %.40q, wanted %.40q", key, got, want)
	}
}

// list returns all keys and the number of pages. It calls each after every page.
func (t *tester) list(each func()) (keys []string, pages int) {
	t.Helper()
	for cursor := ""; ; {
		page, err := t.bucket.List(t.ctx, cursor)
		t.ok(err)
		keys = append(keys, page.Keys...)
		if pages++; page.Next == "" {
			return keys, pages
		}
		if pages > 100_000 {
			t.Fatal("there is no last page")
		}
		if cursor = page.Next; each != nil {
			each()
		}
	}
}

func roundTrip(t *tester) {
	for _, v := range []string{"", "x", "a\x00b\xff", "\x00", string(bytes.Repeat([]byte("0123456789"), 10_000)), "short again"} {
		t.set("k", v)
		t.want(t.bucket, "k", v)
	}
	t.ok(t.bucket.Set(t.ctx, "nil", nil))
	t.want(t.bucket, "nil", "")
	t.want(t.bucket, "other", "none")
}

func copies(t *tester) {
	v := []byte("abc")
	t.ok(t.bucket.Set(t.ctx, "k", v))
	v[0] = 'X'
	t.want(t.bucket, "k", "abc")
}

func snapshotReads(t *tester) {
	t.set("k", "first")
	before, _, err := t.bucket.Get(t.ctx, "k")
	t.ok(err)
	t.set("k", "other")
	t.ok(t.bucket.Delete(t.ctx, "k"))
	if string(before) != "first" {
		t.Errorf("what was read has become %q", before)
	}
}

// names are chosen to collide in backends that make paths or longer keys of them.
func names(t *tester) {
	all := []string{"", "a", "A", "a/b", "a/", "/a", "..", ".", "../a", "a b", "a%2Fb", "a\\b", "a\x00", "ä", "a:b", "*", string(bytes.Repeat([]byte("long"), 50))}
	for _, k := range all {
		t.set(k, "of "+k)
	}
	for _, k := range all {
		t.want(t.bucket, k, "of "+k)
	}
	keys, _ := t.list(nil)
	slices.Sort(keys)
	slices.Sort(all)
	if !slices.Equal(keys, all) {
		t.Errorf("listed are %q, wanted %q", keys, all)
	}
}

func deleting(t *tester) {
	t.set("k", "v")
	t.set("stays", "v")
	for range 2 {
		t.ok(t.bucket.Delete(t.ctx, "k"))
	}
	t.want(t.bucket, "k", "none")
	t.want(t.bucket, "stays", "v")
}

func sharedBucket(t *tester) {
	t.set("k", "v")
	t.want(t.open(ada, "default"), "k", "v")
}

func closing(t *tester) {
	t.set("k", "v")
	other := t.open(ada, "default")
	if c, ok := other.(io.Closer); ok {
		t.ok(c.Close())
	}
	t.want(t.bucket, "k", "v")
	t.want(t.open(ada, "default"), "k", "v")
}

func buckets(t *tester) {
	t.set("k", "v")
	t.want(t.open(ada, "sessions"), "k", "none")
}

func owners(t *tester) {
	t.set("k", "v")
	for _, other := range []keyvalue.Owner{
		{Namespace: "n", Workload: "w", Component: "bob"},
		{Namespace: "n", Workload: "v", Component: "ada"},
		{Namespace: "m", Workload: "w", Component: "ada"},
		{Namespace: "n", Workload: "w/ada", Component: ""},
	} {
		t.want(t.open(other, "default"), "k", "none")
	}
	if d, ok := t.backend.(interface{ Drop(keyvalue.Owner) }); ok {
		d.Drop(keyvalue.Owner{Namespace: "n", Workload: "w", Component: "bob"})
		t.want(t.open(ada, "default"), "k", "v")
		d.Drop(ada)
		t.want(t.open(ada, "default"), "k", "none")
	}
}

func listing(t *tester) {
	if keys, _ := t.list(nil); len(keys) != 0 {
		t.Errorf("an empty bucket lists %q", keys)
	}
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("key-%04d", i))
		t.set(want[i], "v")
	}
	t.set(want[0], "again")
	got, _ := t.list(nil)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d keys listed, wanted %d, each once", len(got), len(want))
	}
}

func changesWhileListing(t *tester) {
	var stay []string
	for i := range 1000 {
		name := fmt.Sprintf("%04d", i)
		t.set("stays-"+name, "")
		t.set("goes-"+name, "")
		stay = append(stay, "stays-"+name)
	}
	n := 0
	got, _ := t.list(func() {
		for range 50 {
			t.ok(t.bucket.Delete(t.ctx, fmt.Sprintf("goes-%04d", n%1000)))
			t.set(fmt.Sprintf("comes-%04d", n%1000), "") // a bounded number, so that the listing ends
			n++
		}
	})
	slices.Sort(got)
	for i, k := range got {
		if i > 0 && k == got[i-1] && k[0] == 's' {
			t.Errorf("%s is listed twice", k)
		}
	}
	for _, k := range stay {
		if _, found := slices.BinarySearch(got, k); !found {
			t.Errorf("%s is not listed", k)
		}
	}
}

func cursors(t *tester) {
	for i := range 1000 {
		t.set(fmt.Sprintf("%03d", i), "")
	}
	first, err := t.bucket.List(t.ctx, "")
	t.ok(err)
	if first.Next == "" {
		return // all of it is one page
	}
	again, err := t.open(ada, "default").List(t.ctx, first.Next)
	t.ok(err)
	for _, k := range again.Keys {
		if slices.Contains(first.Keys, k) {
			t.Errorf("%s is on both pages", k)
		}
	}
}

func inventedCursors(t *tester) {
	t.set("k", "v")
	for _, cursor := range []string{"0", "1", "-1", "99999", "18446744073709551615", "18446744073709551616", "x", "\x00", "%", string(bytes.Repeat([]byte("9"), 1000))} {
		page, err := t.bucket.List(t.ctx, cursor)
		if err == nil && (len(page.Keys) > 1 || len(page.Keys) == 1 && page.Keys[0] != "k") {
			t.Errorf("%.40q gives %q", cursor, page.Keys)
		}
	}
	t.want(t.bucket, "k", "v")
}

func atomic(t *tester) {
	t.set("k", "")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			own := fmt.Sprint("own-", i)
			for n := range 50 {
				if err := t.bucket.Set(t.ctx, "k", bytes.Repeat([]byte{byte('a' + i)}, 1000+n)); err != nil {
					t.Error(err)
				}
				if err := t.bucket.Set(t.ctx, own, []byte(own)); err != nil {
					t.Error(err)
				}
				v, _, err := t.bucket.Get(t.ctx, "k")
				if err != nil || len(v) > 0 && bytes.Count(v, v[:1]) != len(v) {
					t.Errorf("a value is of two writers: %v", err)
				}
				if _, err := t.bucket.List(t.ctx, ""); err != nil {
					t.Error(err)
				}
				if err := t.bucket.Delete(t.ctx, own); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func cancelled(t *tester) {
	t.set("k", "v")
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	// A call that does not wait may succeed; one that waits must end.
	if err := t.bucket.Set(ctx, "k", []byte("w")); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("set: %v", err)
	}
	if _, _, err := t.bucket.Get(ctx, "k"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if _, err := t.bucket.List(ctx, ""); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
}
