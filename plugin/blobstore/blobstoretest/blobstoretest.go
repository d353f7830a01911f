// Package blobstoretest is the contract of blobstore.Backend as a test suite, which every backend must pass.
package blobstoretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// Run tests a backend; fresh returns a new, empty one.
func Run(t *testing.T, fresh func(*testing.T) blobstore.Backend) {
	for _, c := range []struct {
		name string
		test func(*tester)
	}{
		{"containers come and go", containers},
		{"objects read as they were put", roundTrip},
		{"a reader sees one version of an object", snapshotReads},
		{"ranges are cut to the object", ranges},
		{"objects are listed once, each by its name", listing},
		{"objects that stay are listed while others change", changesWhileListing},
		{"invented cursors do no harm", inventedCursors},
		{"names are only names", names},
		{"deleting is idempotent", deleting},
		{"missing containers and objects are errors", missing},
		{"a container made again is empty", recreatedContainer},
		{"owners are isolated", owners},
		{"concurrent calls are atomic", atomic},
		{"a put reads to the end and no further", readsToEnd},
		{"a put that fails leaves the old object", failedPut},
		{"a running put is not visible", runningPut},
		{"a put that is cancelled leaves the old object", cancelledPut},
		{"calls end with their context", cancelled},
		{"closing a reader ends its reads", closedReader},
		{"copies equal the object", copies},
		{"errors do not name objects", discreet},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := fresh(t)
			c.test(&tester{t, t.Context(), b, b.Store(ada)})
		})
	}
}

// WithoutOptional is b without the optional interfaces of its stores and readers.
func WithoutOptional(b blobstore.Backend) blobstore.Backend { return plain{b} }

type plain struct{ blobstore.Backend }

func (p plain) Store(owner blobstore.Owner) blobstore.Store {
	return plainStore{p.Backend.Store(owner)}
}

// Drop calls b's Drop, if it has one.
func (p plain) Drop(owner blobstore.Owner) {
	if d, ok := p.Backend.(interface{ Drop(blobstore.Owner) }); ok {
		d.Drop(owner)
	}
}

type plainStore struct{ blobstore.Store }

func (p plainStore) Open(ctx context.Context, container, object string, from, n uint64) (io.ReadCloser, blobstore.Info, error) {
	r, info, err := p.Store.Open(ctx, container, object, from, n)
	if err != nil {
		return nil, info, err
	}
	return struct{ io.ReadCloser }{r}, info, nil
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

// read returns a part of an object.
func (t *tester) read(container, object string, from, n uint64) (data []byte, info blobstore.Info, err error) {
	r, info, err := t.store.Open(t.ctx, container, object, from, n)
	if err != nil {
		return nil, info, err
	}
	data, err = io.ReadAll(r)
	return data, info, errors.Join(err, r.Close())
}

func (t *tester) put(container, object, data string) {
	t.Helper()
	info, err := t.store.Put(t.ctx, container, object, struct{ io.Reader }{strings.NewReader(data)}) // without a length
	t.ok(err)
	if info.Size != uint64(len(data)) || info.Created.IsZero() {
		t.Errorf("put %d bytes: %+v", len(data), info)
	}
}

// fill makes empty objects, several at a time: servers take a while for thousands.
func (t *tester) fill(container string, names []string) {
	t.Helper()
	var wg sync.WaitGroup
	for part := range slices.Chunk(names, (len(names)+15)/16) {
		wg.Go(func() {
			for _, name := range part {
				if _, err := t.store.Put(t.ctx, container, name, strings.NewReader("")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (t *tester) want(container, object, data string) {
	t.Helper()
	got, info, err := t.read(container, object, 0, math.MaxUint64)
	t.ok(err)
	if string(got) != data || info.Size != uint64(len(data)) || info.Created.IsZero() {
		t.Errorf("%q in %q has %.50q, %+v, wanted %.50q", object, container, got, info, data)
	}
	if stat, err := t.store.Stat(t.ctx, container, object); err != nil || stat.Size != info.Size || !stat.Created.Equal(info.Created) {
		t.Errorf("%q in %q is %+v when it is opened, and %+v, %v otherwise", object, container, info, stat, err)
	}
}

// list returns the names of all objects. It calls each after every page but the last.
func (t *tester) list(container string, each func()) (names []string) {
	t.Helper()
	for cursor, pages := "", 0; ; pages++ {
		page, err := t.store.List(t.ctx, container, cursor)
		t.ok(err)
		names = append(names, page.Names...)
		if cursor = page.Next; cursor == "" {
			return names
		}
		if pages > 100_000 {
			t.Fatal("there is no last page")
		}
		if each != nil {
			each()
		}
	}
}

func (t *tester) wantNames(container string, want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(t.list(container, nil))) // the contract has no order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q holds %.200q, wanted %.200q", container, got, want)
	}
}

func containers(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.is(t.store.CreateContainer(t.ctx, "c"), blobstore.ErrExists)
	info, err := t.store.Container(t.ctx, "c")
	t.ok(err)
	created := info.Created
	if created.IsZero() {
		t.Error("the container says nothing of when it was created")
	}
	if again, err := t.backend.Store(ada).Container(t.ctx, "c"); err != nil || !again.Created.Equal(created) {
		t.Errorf("seen again it is of %v, %v; wanted %v", again, err, created)
	}
	t.wantNames("c")
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	_, err = t.store.Container(t.ctx, "c")
	t.is(err, blobstore.ErrNotFound)
}

func roundTrip(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	for _, data := range []string{"", "x", "a\x00b\xff\r\n", strings.Repeat("0123456789", 300_000), "short again"} {
		t.put("c", "o", data)
		t.want("c", "o", data)
	}
	for name, r := range map[string]io.Reader{
		"known":       strings.NewReader("data"),
		"byte-wise":   iotest.OneByteReader(strings.NewReader("data")),
		"with end":    iotest.DataErrReader(strings.NewReader("data")),
		"with pauses": &pausing{r: strings.NewReader("data")},
	} {
		_, err := t.store.Put(t.ctx, "c", name, r)
		t.ok(err)
		t.want("c", name, "data")
	}
}

// pausing returns no bytes at every other Read, as readers may.
type pausing struct {
	r     io.Reader
	pause bool
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.pause = !p.pause; p.pause {
		return 0, nil
	}
	return p.r.Read(b[:min(len(b), 1)])
}

func snapshotReads(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	first := strings.Repeat("first", 100_000)
	t.put("c", "o", first)
	r, _, err := t.store.Open(t.ctx, "c", "o", 0, math.MaxUint64)
	t.ok(err)
	begin := make([]byte, 10)
	_, err = io.ReadFull(r, begin)
	t.ok(err)
	t.put("c", "o", strings.Repeat("other", 100_000))
	t.ok(t.store.Delete(t.ctx, "c", "o"))
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	rest, err := io.ReadAll(r)
	if got := string(begin) + string(rest); err == nil && got != first || !strings.HasPrefix(first, got) {
		t.Errorf("what is being read has become %d bytes of two objects, %v", len(got), err)
	}
	t.ok(r.Close())
}

func ranges(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", "0123456789")
	t.put("c", "empty", "")
	for _, c := range []struct {
		object  string
		from, n uint64
		want    string
	}{
		{"o", 0, 10, "0123456789"},
		{"o", 0, 1, "0"},
		{"o", 3, 3, "345"},
		{"o", 9, 1, "9"},
		{"o", 5, 0, ""},
		{"o", 0, 11, "0123456789"},
		{"o", 5, math.MaxUint64, "56789"},
		{"o", 10, 1, ""},
		{"o", 11, 10, ""},
		{"o", math.MaxUint64, math.MaxUint64, ""},
		{"o", math.MaxInt64, math.MaxInt64, ""},
		{"empty", 0, 1, ""},
		{"empty", 0, math.MaxUint64, ""},
	} {
		got, info, err := t.read("c", c.object, c.from, c.n)
		if string(got) != c.want || err != nil {
			t.Errorf("%d of %s from %d on: %q, %v, wanted %q", c.n, c.object, c.from, got, err, c.want)
		}
		if whole := uint64(10); c.object == "o" && info.Size != whole {
			t.Errorf("%d of %s from %d on: its size is said to be %d", c.n, c.object, c.from, info.Size)
		}
	}
}

func listing(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.CreateContainer(t.ctx, "d"))
	var want []string
	for i := range 5000 {
		want = append(want, fmt.Sprintf("object-%04d", i))
	}
	t.fill("c", want)
	t.put("c", want[0], "again")
	t.wantNames("c", want...)
	t.wantNames("d")
}

func changesWhileListing(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	var stay, all []string
	for i := range 2000 {
		name := fmt.Sprintf("%04d", i)
		stay, all = append(stay, "stays-"+name), append(all, "stays-"+name, "goes-"+name)
	}
	t.fill("c", all)
	n := 0
	got := t.list("c", func() {
		for range 100 {
			t.ok(t.store.Delete(t.ctx, "c", fmt.Sprintf("goes-%04d", n%2000)))
			t.put("c", fmt.Sprintf("comes-%04d", n%2000), "") // a bounded number, so that the listing ends
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

func inventedCursors(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", "data")
	for _, cursor := range []string{"0", "1", "-1", "18446744073709551615", "18446744073709551616", "x", "\x00", "%", strings.Repeat("9", 1000)} {
		page, err := t.store.List(t.ctx, "c", cursor)
		if err == nil && (len(page.Names) > 1 || len(page.Names) == 1 && page.Names[0] != "o") {
			t.Errorf("%.40q gives %q", cursor, page.Names)
		}
	}
	t.want("c", "o", "data")
}

// names are chosen to collide in backends that make paths or keys of them.
func names(t *tester) {
	all := []string{"a", "A", "a/b", "a/", "/a", "..", ".", "../a", "a b", "a%2Fb", "a\\b", "a\x00", "ä", "a:b", "*"}
	for _, c := range all {
		t.ok(t.store.CreateContainer(t.ctx, c))
		for _, o := range all {
			t.put(c, o, c+" has "+o)
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
		t.put("c", o, o)
	}
	t.ok(t.store.Delete(t.ctx, "c"))
	t.wantNames("c", "a", "b", "c", "d")
	for range 2 {
		t.ok(t.store.Delete(t.ctx, "c", "a", "nobody", "c", "a"))
		t.wantNames("c", "b", "d")
	}
	_, err := t.store.Stat(t.ctx, "c", "a")
	t.is(err, blobstore.ErrNoSuchObject)
}

func missing(t *tester) {
	for _, want := range []error{blobstore.ErrNoSuchContainer, blobstore.ErrNotFound} {
		_, err := t.store.Container(t.ctx, "c")
		t.is(err, want)
		t.is(t.store.DeleteContainer(t.ctx, "c"), want)
		_, err = t.store.Put(t.ctx, "c", "o", strings.NewReader("x"))
		t.is(err, want)
		_, _, err = t.read("c", "o", 0, 1)
		t.is(err, want)
		_, err = t.store.Stat(t.ctx, "c", "o")
		t.is(err, want)
		_, err = t.store.List(t.ctx, "c", "")
		t.is(err, want)
		t.is(t.store.Delete(t.ctx, "c", "o"), want)
	}
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.wantNames("c") // the refused Put has left nothing
	_, _, err := t.read("c", "o", 0, 1)
	t.is(err, blobstore.ErrNoSuchObject)
	_, err = t.store.Stat(t.ctx, "c", "o")
	t.is(err, blobstore.ErrNoSuchObject)
	t.is(err, blobstore.ErrNotFound)
}

// discreet: operators see errors in telemetry, which has no object's name.
func discreet(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	name := "planted" + strings.Repeat("/planted", 1000) // some backends refuse it
	_, put := t.store.Put(t.ctx, "c", "planted", iotest.ErrReader(errors.New("cable pulled")))
	_, long := t.store.Put(t.ctx, "c", name, strings.NewReader("x"))
	_, nowhere := t.store.Put(t.ctx, "none", "planted", strings.NewReader("x"))
	_, stat := t.store.Stat(t.ctx, "c", "planted")
	_, _, open := t.store.Open(t.ctx, "c", "planted", 0, 1)
	_, statLong := t.store.Stat(t.ctx, "c", name+"x")
	for call, err := range map[string]error{"put": put, "put of a long name": long, "put without container": nowhere, "stat": stat, "open": open, "stat of a long name": statLong} {
		if err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %.200v", call, err)
		}
	}
}

func recreatedContainer(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", "x")
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
	if d, ok := t.backend.(interface{ Drop(blobstore.Owner) }); ok {
		d.Drop(blobstore.Owner{Namespace: "n", Workload: "w", Component: "bob"})
		_, err := t.backend.Store(ada).Container(t.ctx, "c")
		t.ok(err)
		d.Drop(ada)
		_, err = t.backend.Store(ada).Container(t.ctx, "c")
		t.is(err, blobstore.ErrNotFound)
	}
}
