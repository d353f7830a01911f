package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
)

// drawer is a Backend and its one Bucket, for one test. With err every call fails; a key "bad" always does.
type drawer struct {
	owner  Owner
	values map[string][]byte
	cursor uint64 // of the last page that was asked for
	err    error
}

func (d *drawer) Open(_ context.Context, owner Owner, name string) (Bucket, error) {
	d.owner = owner
	switch name {
	case "":
		return d, d.err
	case "theirs":
		return nil, fmt.Errorf("open %s: %w", name, ErrAccessDenied)
	}
	return nil, fmt.Errorf("open %s: %w", name, ErrNoSuchStore)
}

func (d *drawer) of(key string) error {
	if key == "bad" {
		return errors.New("a bad key")
	}
	return d.err
}

func (d *drawer) Get(_ context.Context, key string) ([]byte, bool, error) {
	v, ok := d.values[key]
	return v, ok, d.of(key)
}

func (d *drawer) Set(_ context.Context, key string, value []byte) error {
	if err := d.of(key); err != nil {
		return err
	}
	d.values[key] = value
	return nil
}

func (d *drawer) Delete(_ context.Context, key string) error {
	delete(d.values, key)
	return d.of(key)
}

// Keys gives two pages.
func (d *drawer) Keys(_ context.Context, cursor uint64) ([]string, uint64, error) {
	d.cursor = cursor
	if cursor == 0 {
		return []string{"a"}, 7, d.err
	}
	return []string{"b"}, 0, d.err
}

func (d *drawer) Increment(_ context.Context, key string, delta uint64) (uint64, error) {
	return 40 + delta, d.of(key)
}

func opened(t *testing.T) (stores, bindings.Bucket, *drawer) {
	t.Helper()
	d := &drawer{values: map[string][]byte{}}
	s := stores{d, Owner{"n", "shop", "cart"}}
	b, err := s.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return s, b, d
}

func wantError(t *testing.T, err error, tag bindings.ErrorTag, words string) {
	t.Helper()
	var e *cm.ResultError[bindings.Error]
	if !errors.As(err, &e) || e.Value.Tag != tag || e.Value.Other != words {
		t.Errorf("error %#v, wanted %v %q", err, tag, words)
	}
}

func TestOpen(t *testing.T) {
	s, _, d := opened(t)
	if want := (Owner{"n", "shop", "cart"}); d.owner != want {
		t.Errorf("opened for %v, wanted %v", d.owner, want)
	}
	for name, tag := range map[string]bindings.ErrorTag{"theirs": bindings.ErrorTagAccessDenied, "none": bindings.ErrorTagNoSuchStore} {
		b, err := s.Open(t.Context(), name)
		if wantError(t, err, tag, ""); b != nil {
			t.Errorf("%s: got %v with an error", name, b)
		}
	}
	d.err = errors.New("the disk is gone")
	_, err := s.Open(t.Context(), "")
	wantError(t, err, bindings.ErrorTagOther, "the disk is gone")
}

func TestValues(t *testing.T) {
	ctx := t.Context()
	_, b, _ := opened(t)
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
	_, b, d := opened(t)
	first, err := b.ListKeys(t.Context(), nil)
	if err != nil || !slices.Equal(first.Keys, []string{"a"}) || first.Cursor == nil || *first.Cursor != 7 || d.cursor != 0 {
		t.Fatalf("the first page: %+v, %v", first, err)
	}
	last, err := b.ListKeys(t.Context(), first.Cursor)
	if err != nil || !slices.Equal(last.Keys, []string{"b"}) || last.Cursor != nil || d.cursor != 7 {
		t.Errorf("the last page: %+v, %v, asked for %d", last, err, d.cursor)
	}
}

func TestIncrement(t *testing.T) {
	s, b, _ := opened(t)
	if n, err := s.Increment(t.Context(), b, "n", 2); n != 42 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	_, err := s.Increment(t.Context(), b, "bad", 2)
	wantError(t, err, bindings.ErrorTagOther, "a bad key")
}

func TestBatch(t *testing.T) {
	ctx := t.Context()
	s, b, d := opened(t)
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

	// The first that fails ends a batch; what came before it stays done.
	_, err = s.GetMany(ctx, b, []string{"b", "bad"})
	wantError(t, err, bindings.ErrorTagOther, "a bad key")
	wantError(t, s.SetMany(ctx, b, []cm.Tuple2[string, []byte]{pair("x", ""), pair("bad", ""), pair("y", "")}), bindings.ErrorTagOther, "a bad key")
	wantError(t, s.DeleteMany(ctx, b, []string{"b", "bad", "x"}), bindings.ErrorTagOther, "a bad key")
	if keys := slices.Collect(maps.Keys(d.values)); !slices.Equal(keys, []string{"x"}) {
		t.Errorf("left are %v", keys)
	}
}

// TestBackendFails: what a backend says reaches the component as the interface's error, never as a trap or an answer.
func TestBackendFails(t *testing.T) {
	ctx := t.Context()
	s, b, d := opened(t)
	d.err = errors.New("the disk is gone")
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"get":         second(b.Get(ctx, "k")),
		"set":         b.Set(ctx, "k", nil),
		"delete":      b.Delete(ctx, "k"),
		"exists":      second(b.Exists(ctx, "k")),
		"list-keys":   second(b.ListKeys(ctx, nil)),
		"increment":   second(s.Increment(ctx, b, "k", 1)),
		"get-many":    second(s.GetMany(ctx, b, []string{"k"})),
		"set-many":    s.SetMany(ctx, b, make([]cm.Tuple2[string, []byte], 1)),
		"delete-many": s.DeleteMany(ctx, b, []string{"k"}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, bindings.ErrorTagOther, "the disk is gone") })
	}
}
