// Package blobstoretest is the contract of blobstore.Backend as a test suite: a backend is in when it passes.
package blobstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// Run tests a backend; fresh gives a new, empty one.
func Run(t *testing.T, fresh func(*testing.T) blobstore.Backend) {
	for _, c := range []struct {
		name string
		test func(*tester)
	}{
		{"containers come and go", containers},
		{"objects come back as they went in", roundTrip},
		{"an object is as it was at one moment", moments},
		{"objects are listed once, each by its name", listing},
		{"names are only names", names},
		{"deleting is idempotent", deleting},
		{"what is not there is not found", missing},
		{"a new container of an old name is empty", emptied},
		{"owners see their own", owners},
		{"calls at once are atomic", atomic},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := fresh(t)
			c.test(&tester{t, t.Context(), b, b.Store(ada)})
		})
	}
}

var ada = blobstore.Owner{Namespace: "n", Workload: "w", Component: "ada"}

type tester struct {
	*testing.T
	ctx     context.Context
	backend blobstore.Backend
	store   blobstore.Store // ada's
}

func (t *tester) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *tester) is(err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, wanted one that wraps %q", err, want)
	}
}

func (t *tester) want(container, object, data string) {
	t.Helper()
	o, err := t.store.Get(t.ctx, container, object)
	t.ok(err)
	if string(o.Data) != data {
		t.Errorf("%q in %q has %.50q, wanted %.50q", object, container, o.Data, data)
	}
}

func (t *tester) wantNames(container string, want ...string) {
	t.Helper()
	got, err := t.store.List(t.ctx, container)
	t.ok(err)
	got = slices.Sorted(slices.Values(got)) // the contract says nothing of an order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q holds %.200q, wanted %.200q", container, got, want)
	}
}

func containers(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.is(t.store.CreateContainer(t.ctx, "c"), blobstore.ErrExists)
	created, err := t.store.Container(t.ctx, "c")
	t.ok(err)
	if created.IsZero() {
		t.Error("the container says nothing of when it was created")
	}
	if again, err := t.backend.Store(ada).Container(t.ctx, "c"); err != nil || !again.Equal(created) {
		t.Errorf("seen again it is of %v, %v; wanted %v", again, err, created)
	}
	t.wantNames("c")
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	_, err = t.store.Container(t.ctx, "c")
	t.is(err, blobstore.ErrNotFound)
}

func roundTrip(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	for _, data := range []string{"", "x", "a\x00b\xff\r\n", string(bytes.Repeat([]byte("0123456789"), 100_000)), "short again"} {
		t.ok(t.store.Put(t.ctx, "c", "o", []byte(data)))
		t.want("c", "o", data)
	}
	t.ok(t.store.Put(t.ctx, "c", "nil", nil))
	t.want("c", "nil", "")
	o, err := t.backend.Store(ada).Get(t.ctx, "c", "o")
	t.ok(err)
	if o.Created.IsZero() {
		t.Error("the object says nothing of when it was created")
	}
}

func moments(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.Put(t.ctx, "c", "o", []byte("first")))
	before, err := t.store.Get(t.ctx, "c", "o")
	t.ok(err)
	t.ok(t.store.Put(t.ctx, "c", "o", []byte("other")))
	t.ok(t.store.Delete(t.ctx, "c", "o"))
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	if string(before.Data) != "first" {
		t.Errorf("what was read has become %q", before.Data)
	}
}

func listing(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.CreateContainer(t.ctx, "d"))
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("object-%03d", i))
		t.ok(t.store.Put(t.ctx, "c", want[i], nil))
	}
	t.ok(t.store.Put(t.ctx, "c", want[0], []byte("again")))
	t.wantNames("c", want...)
	t.wantNames("d")
}

// names are chosen to meet in backends that make paths or keys of them.
func names(t *tester) {
	all := []string{"a", "A", "a/b", "a/", "/a", "..", ".", "../a", "a b", "a%2Fb", "a\\b", "a\x00", "ä", "a:b", "*"}
	for _, c := range all {
		t.ok(t.store.CreateContainer(t.ctx, c))
		for _, o := range all {
			t.ok(t.store.Put(t.ctx, c, o, []byte(c+" has "+o)))
		}
	}
	for _, c := range all {
		t.wantNames(c, slices.Clone(all)...)
		for _, o := range all {
			t.want(c, o, c+" has "+o)
		}
	}
}

func deleting(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	for _, o := range []string{"a", "b", "c", "d"} {
		t.ok(t.store.Put(t.ctx, "c", o, []byte(o)))
	}
	t.ok(t.store.Delete(t.ctx, "c"))
	t.wantNames("c", "a", "b", "c", "d")
	for range 2 {
		t.ok(t.store.Delete(t.ctx, "c", "a", "nobody", "c", "a"))
		t.wantNames("c", "b", "d")
	}
	_, err := t.store.Get(t.ctx, "c", "a")
	t.is(err, blobstore.ErrNotFound)
}

func missing(t *tester) {
	_, err := t.store.Container(t.ctx, "c")
	t.is(err, blobstore.ErrNotFound)
	t.is(t.store.DeleteContainer(t.ctx, "c"), blobstore.ErrNotFound)
	t.is(t.store.Put(t.ctx, "c", "o", nil), blobstore.ErrNotFound)
	_, err = t.store.Get(t.ctx, "c", "o")
	t.is(err, blobstore.ErrNotFound)
	_, err = t.store.List(t.ctx, "c")
	t.is(err, blobstore.ErrNotFound)
	t.is(t.store.Delete(t.ctx, "c", "o"), blobstore.ErrNotFound)
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.wantNames("c") // the Put that was refused has left nothing
	_, err = t.store.Get(t.ctx, "c", "o")
	t.is(err, blobstore.ErrNotFound)
}

func emptied(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.Put(t.ctx, "c", "o", []byte("x")))
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.wantNames("c")
}

func owners(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	for _, other := range []blobstore.Owner{
		{Namespace: "n", Workload: "w", Component: "bob"},
		{Namespace: "n", Workload: "v", Component: "ada"},
		{Namespace: "m", Workload: "w", Component: "ada"},
		{Namespace: "n", Workload: "w/ada", Component: ""},
	} {
		_, err := t.backend.Store(other).Container(t.ctx, "c")
		t.is(err, blobstore.ErrNotFound)
	}
}

func atomic(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.Put(t.ctx, "c", "o", nil))
	var wg sync.WaitGroup
	var won [8]bool
	for i := range won {
		wg.Go(func() {
			won[i] = t.store.CreateContainer(t.ctx, "race") == nil
			own := fmt.Sprint("own-", i)
			for n := range 20 {
				err := t.store.Put(t.ctx, "c", "o", bytes.Repeat([]byte{byte('a' + i)}, 1000+n))
				err = errors.Join(err, t.store.Put(t.ctx, "c", own, []byte(own)))
				o, gone := t.store.Get(t.ctx, "c", "o")
				_, list := t.store.List(t.ctx, "c")
				if err = errors.Join(err, gone, list, t.store.Delete(t.ctx, "c", own)); err != nil {
					t.Error(err)
				}
				if len(o.Data) > 0 && bytes.Count(o.Data, o.Data[:1]) != len(o.Data) {
					t.Error("an object is of two writers")
				}
			}
		})
	}
	wg.Wait()
	t.wantNames("c", "o")
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d callers have created one container", winners)
	}
}
