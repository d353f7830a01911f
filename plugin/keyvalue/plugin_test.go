package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// secret is a backend's text, which guests must not get.
const secret = "password=hunter2 at 10.0.0.7"

// testBackend is a Backend and its one Bucket, without optional interfaces. If err is set, every call fails; the key "bad" always
// fails.
type testBackend struct {
	owner  Owner
	values map[string][]byte
	next   string // of the first page
	cursor string // of the last List
	calls  int
	err    error
}

// fullBackend is a testBackend with optional interfaces.
type fullBackend struct {
	*testBackend
	batches int
}

func (d *testBackend) Open(_ context.Context, owner Owner, name string) (Bucket, error) {
	d.owner = owner
	switch name {
	case "default":
		return d, d.err
	case "theirs":
		return nil, fmt.Errorf("open %s: %w", name, ErrAccessDenied)
	}
	return nil, fmt.Errorf("open %s: %w", name, ErrNoSuchStore)
}

func (c *fullBackend) Open(ctx context.Context, owner Owner, name string) (Bucket, error) {
	if _, err := c.testBackend.Open(ctx, owner, name); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *testBackend) Drop(Owner) {}

func (d *testBackend) of(key string) error {
	d.calls++
	if key == "bad" {
		return errors.New("a bad key: " + secret)
	}
	return d.err
}

func (d *testBackend) Get(_ context.Context, key string) ([]byte, bool, error) {
	v, ok := d.values[key]
	return v, ok, d.of(key)
}

func (d *testBackend) Set(_ context.Context, key string, value []byte) error {
	if err := d.of(key); err != nil {
		return err
	}
	d.values[key] = value
	return nil
}

func (d *testBackend) Delete(_ context.Context, key string) error {
	delete(d.values, key)
	return d.of(key)
}

// List gives two pages.
func (d *testBackend) List(_ context.Context, cursor string) (Page, error) {
	d.cursor = cursor
	if cursor == "" {
		return Page{[]string{"a"}, d.next}, d.err
	}
	return Page{Keys: []string{"b"}}, d.err
}

func (c *fullBackend) Increment(_ context.Context, key string, delta uint64) (uint64, error) {
	return 40 + delta, c.of(key)
}

func (c *fullBackend) Exists(_ context.Context, key string) (bool, error) {
	return key == "only here", c.of(key)
}

func (c *fullBackend) GetMany(_ context.Context, keys []string) (found []Found, err error) {
	c.batches++
	for _, k := range keys {
		v, ok := c.values[k]
		found = append(found, Found{v, ok})
	}
	return found, c.of(keys[0])
}

func (c *fullBackend) SetMany(_ context.Context, entries []Entry) error {
	c.batches++
	for _, e := range entries {
		c.values[e.Key] = e.Value
	}
	return c.of(entries[0].Key)
}

func (c *fullBackend) DeleteMany(_ context.Context, keys []string) error {
	c.batches++
	for _, k := range keys {
		delete(c.values, k)
	}
	return c.of(keys[0])
}

func storesWith(b Backend) draft {
	routes := map[string]backend.Route[Backend]{}
	for _, name := range []string{"default", "theirs", "none"} { // what is granted; the backend has its own idea of it
		routes[name] = backend.Route[Backend]{Backend: b, Owner: Owner{Namespace: "n", Workload: "shop", Component: "cart"}}
	}
	return draft{stores{routes, func(context.Context, string) {}}}
}

func openBucket(t *testing.T) (draft, bindings.Bucket, *testBackend) {
	t.Helper()
	d := &testBackend{values: map[string][]byte{}, next: "7"}
	s := storesWith(d)
	b, err := s.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return s, b, d
}

// openFullBucket is openBucket with a fullBackend.
func openFullBucket(t *testing.T) (draft, bindings.Bucket, *fullBackend) {
	t.Helper()
	c := &fullBackend{testBackend: &testBackend{values: map[string][]byte{}}}
	s := storesWith(c)
	b, err := s.Open(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return s, b, c
}

func wantError(t *testing.T, err error, tag bindings.ErrorTag, words string) {
	t.Helper()
	var e *cm.ResultError[bindings.Error]
	if !errors.As(err, &e) || e.Value.Tag != tag || e.Value.Other != words {
		t.Errorf("error %#v, wanted %v %q", err, tag, words)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("printed, it is %v", err)
	}
}

func TestOpen(t *testing.T) {
	s, _, d := openBucket(t)
	if want := (Owner{Namespace: "n", Workload: "shop", Component: "cart"}); d.owner != want {
		t.Errorf("opened for %v, wanted %v", d.owner, want)
	}
	for name, tag := range map[string]bindings.ErrorTag{"theirs": bindings.ErrorTagAccessDenied, "none": bindings.ErrorTagNoSuchStore} {
		b, err := s.Open(t.Context(), name)
		if wantError(t, err, tag, ""); b != nil {
			t.Errorf("%s: got %v with an error", name, b)
		}
	}
	if b, err := s.Open(t.Context(), "not granted"); b != nil || d.calls != 0 {
		t.Errorf("a name without a grant: %v, %v", b, err)
	} else {
		wantError(t, err, bindings.ErrorTagNoSuchStore, "")
	}
	d.err = errors.New(secret)
	_, err := s.Open(t.Context(), "")
	wantError(t, err, bindings.ErrorTagOther, backend.FailedText)
}

func TestValues(t *testing.T) {
	ctx := t.Context()
	_, b, _ := openBucket(t)
	if err := errors.Join(b.Set(ctx, "a", []byte("1")), b.Set(ctx, "empty", nil)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key, want string
		there     bool
	}{{"a", "1", true}, {"empty", "", true}, {"none", "", false}} {
		v, err := b.Get(ctx, c.key)
		if err != nil || (v != nil) != c.there || v != nil && string(*v) != c.want {
			t.Errorf("get %s: %v, %v", c.key, v, err)
		}
		if there, err := b.Exists(ctx, c.key); there != c.there || err != nil {
			t.Errorf("exists %s: %v, %v", c.key, there, err)
		}
	}
	if err := b.Delete(ctx, "a"); err != nil {
		t.Error(err)
	}
	if v, err := b.Get(ctx, "a"); v != nil || err != nil {
		t.Errorf("after its deletion: %v, %v", v, err)
	}
}

func TestListKeys(t *testing.T) {
	_, b, d := openBucket(t)
	first, err := b.ListKeys(t.Context(), nil)
	if err != nil || !slices.Equal(first.Keys, []string{"a"}) || first.Cursor == nil || *first.Cursor != 7 || d.cursor != "" {
		t.Fatalf("the first page: %+v, %v", first, err)
	}
	last, err := b.ListKeys(t.Context(), first.Cursor)
	if err != nil || !slices.Equal(last.Keys, []string{"b"}) || last.Cursor != nil || d.cursor != "7" {
		t.Errorf("the last page: %+v, %v, asked for %q", last, err, d.cursor)
	}
}

// TestCursors: a backend gets its cursors back unchanged, whatever their text; an invented number is an error or passed to the backend.
func TestCursors(t *testing.T) {
	ctx := t.Context()
	for _, text := range []string{"1", "9223372036854775807", "9223372036854775808", "18446744073709551616", "07", "+7", "-1", "0", "x", "\xff\x00", strings.Repeat("long", 1000)} {
		_, b, d := openBucket(t)
		d.next = text
		page, err := b.ListKeys(ctx, nil)
		if err != nil || page.Cursor == nil || *page.Cursor == 0 {
			t.Fatalf("%.40q: %v, %v", text, page.Cursor, err)
		}
		if _, err := b.ListKeys(ctx, page.Cursor); err != nil || d.cursor != text {
			t.Errorf("%.40q came back as %.40q, %v", text, d.cursor, err)
		}
	}
	_, b, d := openBucket(t)
	var given []uint64
	for i := range keptCursors + 1 {
		d.next = fmt.Sprint("page-", i)
		page, err := b.ListKeys(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, *page.Cursor)
	}
	for i, c := range given[1:] {
		if _, err := b.ListKeys(ctx, &c); err != nil || d.cursor != fmt.Sprint("page-", i+1) {
			t.Errorf("page %d: %q, %v", i+1, d.cursor, err)
		}
	}
	for _, c := range []uint64{given[0], given[keptCursors] + 1, math.MaxUint64} {
		_, err := b.ListKeys(ctx, &c)
		wantError(t, err, bindings.ErrorTagOther, ErrCursor.Error())
	}
	account := cm.NewAccount(1000)
	d.next = strings.Repeat("x", 2000)
	_, err := b.ListKeys(context.WithValue(ctx, cm.AccountKey(), account), nil)
	if limit := (*cm.LimitError)(nil); !errors.As(err, &limit) || account.Used() > 1000 {
		t.Errorf("a cursor larger than the account: %v, %d are held", err, account.Used())
	}
	if err := b.(*bucket).Drop(ctx); err != nil || account.Used() != 0 {
		t.Errorf("dropped: %v, %d are held", err, account.Used())
	}
}

// TestIncrement: Increment is the backend's, or an error: the plugin's would not be atomic.
func TestIncrement(t *testing.T) {
	s, b, _ := openFullBucket(t)
	if n, err := s.Increment(t.Context(), b, "n", 2); n != 42 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	_, err := s.Increment(t.Context(), b, "bad", 2)
	wantError(t, err, bindings.ErrorTagOther, backend.FailedText)
	s, b, d := openBucket(t)
	_, err = s.Increment(t.Context(), b, "n", 2)
	if wantError(t, err, bindings.ErrorTagOther, "increment is not supported by this store"); d.calls != 0 {
		t.Errorf("the bucket was called %d times", d.calls)
	}
}

// TestOptionalInterfaces: a bucket with an optional interface gets one call instead of several.
func TestOptionalInterfaces(t *testing.T) {
	ctx := t.Context()
	s, b, c := openFullBucket(t)
	if ok, err := b.Exists(ctx, "only here"); !ok || err != nil {
		t.Errorf("exists: %t, %v", ok, err)
	}
	pair := cm.Tuple2[string, []byte]{F0: "a", F1: []byte("1")}
	if err := s.SetMany(ctx, b, []cm.Tuple2[string, []byte]{pair, {F0: "b"}, {F0: "c"}}); err != nil {
		t.Error(err)
	}
	if err := s.DeleteMany(ctx, b, []string{"c"}); err != nil {
		t.Error(err)
	}
	got, err := s.GetMany(ctx, b, []string{"c", "a", "b", "a"})
	if err != nil || len(got) != 4 || got[0] != nil || got[1] == nil || string(got[1].F1) != "1" || got[2] == nil || got[2].F0 != "b" || got[3] == nil {
		t.Errorf("got %v, %v", got, err)
	}
	if c.batches != 3 || c.calls != 4 {
		t.Errorf("%d batches, %d calls", c.batches, c.calls)
	}
	for _, err := range []error{
		s.SetMany(ctx, b, []cm.Tuple2[string, []byte]{{F0: "bad"}}), s.DeleteMany(ctx, b, []string{"bad"}), second(s.GetMany(ctx, b, []string{"bad"})),
	} {
		wantError(t, err, bindings.ErrorTagOther, backend.FailedText)
	}
}

func second(_ any, err error) error { return err }

// TestBucketOfAnother: a bucket of another implementation is an error, not a panic.
func TestBucketOfAnother(t *testing.T) {
	s, _, _ := openBucket(t)
	other := struct{ bindings.Bucket }{}
	for name, err := range map[string]error{
		"increment":   second(s.Increment(t.Context(), other, "k", 1)),
		"get-many":    second(s.GetMany(t.Context(), other, nil)),
		"set-many":    s.SetMany(t.Context(), other, nil),
		"delete-many": s.DeleteMany(t.Context(), other, nil),
	} {
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapHost || !strings.Contains(trap.Detail, "wasi:keyvalue/store@0.2.0-draft.bucket") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBatch(t *testing.T) {
	ctx := t.Context()
	s, b, d := openBucket(t)
	pair := func(k, v string) cm.Tuple2[string, []byte] { return cm.Tuple2[string, []byte]{F0: k, F1: []byte(v)} }
	if err := s.SetMany(ctx, b, []cm.Tuple2[string, []byte]{pair("a", "1"), pair("b", "2"), pair("a", "3")}); err != nil {
		t.Fatal(err)
	}
	many, err := s.GetMany(ctx, b, []string{"b", "none", "a", "a"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range many {
		if m == nil {
			got = append(got, "-")
		} else {
			got = append(got, m.F0+"="+string(m.F1))
		}
	}
	if s := strings.Join(got, " "); s != "b=2 - a=3 a=3" {
		t.Errorf("got %s", s)
	}
	if none, err := s.GetMany(ctx, b, nil); none == nil || len(none) != 0 || err != nil {
		t.Errorf("none of them: %v, %v", none, err)
	}
	if err := s.DeleteMany(ctx, b, []string{"a", "none"}); err != nil {
		t.Error(err)
	}
	if keys := slices.Collect(maps.Keys(d.values)); !slices.Equal(keys, []string{"b"}) {
		t.Errorf("left are %v", keys)
	}

	// The first error ends a batch; earlier entries stay done.
	_, err = s.GetMany(ctx, b, []string{"b", "bad"})
	wantError(t, err, bindings.ErrorTagOther, backend.FailedText)
	wantError(t, s.SetMany(ctx, b, []cm.Tuple2[string, []byte]{pair("x", ""), pair("bad", ""), pair("y", "")}), bindings.ErrorTagOther, backend.FailedText)
	wantError(t, s.DeleteMany(ctx, b, []string{"b", "bad", "x"}), bindings.ErrorTagOther, backend.FailedText)
	if keys := slices.Collect(maps.Keys(d.values)); !slices.Equal(keys, []string{"x"}) {
		t.Errorf("left are %v", keys)
	}
}

// TestBackendFails: a guest gets an error without the backend's text, never a trap or a result. Operators get the whole error.
func TestBackendFails(t *testing.T) {
	ctx := t.Context()
	s, b, d := openBucket(t)
	full, fullBucket, c := openFullBucket(t)
	failure := fmt.Errorf("dial: %w", errors.New(secret))
	d.err, c.err = failure, failure
	for name, err := range map[string]error{
		"get":         second(b.Get(ctx, "k")),
		"set":         b.Set(ctx, "k", nil),
		"delete":      b.Delete(ctx, "k"),
		"exists":      second(b.Exists(ctx, "k")),
		"list-keys":   second(b.ListKeys(ctx, nil)),
		"increment":   second(full.Increment(ctx, fullBucket, "k", 1)),
		"get-many":    second(s.GetMany(ctx, b, []string{"k"})),
		"set-many":    s.SetMany(ctx, b, make([]cm.Tuple2[string, []byte], 1)),
		"delete-many": s.DeleteMany(ctx, b, []string{"k"}),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, err, bindings.ErrorTagOther, backend.FailedText)
			var cause *cm.BackendError
			if !errors.As(err, &cause) || !errors.Is(cause, failure) {
				t.Errorf("its cause is %v", cause)
			}
		})
	}
	// Guests get fixed texts of errors that they can handle.
	for _, known := range guestErrors[2:] {
		d.err = fmt.Errorf("%s: %w", secret, known)
		wantError(t, b.Set(ctx, "k", nil), bindings.ErrorTagOther, known.Error())
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	d.err = context.Canceled
	var told *cm.ResultError[bindings.Error]
	if err := b.Set(ended, "k", nil); !errors.Is(err, context.Canceled) || errors.As(err, &told) {
		t.Errorf("with an invocation that has ended: %v", err)
	}
}

// TestGrants: a granted bucket is opened in the grant's backend, and others are denied.
func TestGrants(t *testing.T) {
	keeping := &persistentBackend{testBackend{values: map[string][]byte{}}}
	forgetting := &testBackend{values: map[string][]byte{}}
	p := New(forgetting).Add("disk", keeping).Add("odd", struct{ Backend }{forgetting})
	if got := p.Backends(); !slices.Equal(got, []string{"default", "disk", "odd"}) {
		t.Errorf("backends %q", got)
	}
	for _, c := range []struct {
		name   string
		grants map[string]workload.StoreGrant
		want   string // the mistake
	}{
		{"none", nil, ""},
		{"the first", map[string]workload.StoreGrant{"default": {}}, ""},
		{"by its name", map[string]workload.StoreGrant{"a": {Backend: "disk", Data: "keep"}, "default": {Backend: "default"}}, ""},
		{"unknown", map[string]workload.StoreGrant{"a": {Backend: "dusk"}}, `grants.keyvalue.a: there is no backend named "dusk"; want default or disk or odd`},
		{"keeps nothing", map[string]workload.StoreGrant{"a": {Data: "keep"}}, "grants.keyvalue.a: backend default cannot keep"},
		{"forgets nothing", map[string]workload.StoreGrant{"a": {Backend: "odd"}}, "grants.keyvalue.a: backend odd cannot forget"},
		{"one of two", map[string]workload.StoreGrant{"a": {Backend: "disk", Data: "keep"}, "b": {Backend: "disk"}}, "grants.keyvalue.b: backend disk cannot keep a part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			release, err := backendtest.Bind(t, p, "w", workload.Grants{Keyvalue: c.grants})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %s", err, c.want)
			}
			if err == nil {
				release()
			}
		})
	}
}

// persistentBackend can keep data.
type persistentBackend struct{ testBackend }

func (*persistentBackend) Persistent() bool { return true }

// TestKeep: with data: keep, the next workload of the same name finds the data.
func TestKeep(t *testing.T) {
	seen := map[Owner]bool{}
	b := &ownerBackend{seen: seen}
	visit := func(o Owner) bool {
		was := seen[o]
		seen[o] = true
		return was
	}
	backendtest.Lifetime(t, New(b), workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": {Data: "keep"}}}, true, visit)
	clear(seen)
	backendtest.Lifetime(t, New(b), workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": {}}}, false, visit)
}

type ownerBackend struct {
	persistentBackend
	seen map[Owner]bool
}

func (r *ownerBackend) Drop(o Owner) { delete(r.seen, o) }
