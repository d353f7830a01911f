package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

// secret is a backend's text, which guests must not get.
const secret = "password=hunter2 at 10.0.0.7"

func storeWith(b Store) store {
	return store{map[string]*granted{"default": {b, "test"}}, func(context.Context, string) {}}
}

// newStore returns a store with the container "c".
func newStore(t *testing.T) (store, bindings.Container, *testBackend) {
	t.Helper()
	b := &testBackend{containers: map[string]map[string][]byte{}}
	s := storeWith(b)
	c, err := s.CreateContainer(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	return s, c, b
}

// wantText checks that err is the interface's error, a text, and has the words.
func wantText(t *testing.T, err error, words string) {
	t.Helper()
	var text *cm.ResultError[bindings.Error]
	if !errors.As(err, &text) || !bytes.Contains([]byte(text.Value), []byte(words)) {
		t.Errorf("error %v, wanted one of the interface with %q", err, words)
	}
	if err != nil && (strings.Contains(err.Error(), "hunter2") || text != nil && strings.Contains(text.Value, "hunter2")) {
		t.Errorf("it tells %v", err)
	}
}

func newOutgoing(t *testing.T, s store) bindings.OutgoingValue {
	t.Helper()
	o, err := s.OutgoingValueNewOutgoingValue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func bodyOf(t *testing.T, o bindings.OutgoingValue) iop2.OutputStream {
	t.Helper()
	w, err := o.OutgoingValueWriteBody(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write(t *testing.T, w iop2.OutputStream, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if err := w.BlockingWriteAndFlush(t.Context(), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteData: write-data and the writes to the body may come in any order.
func TestWriteData(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(to func(name string), write func(pieces ...string))
		want map[string][]byte
	}{
		{"before the body", func(to func(string), write func(...string)) { to("o"); write("ab", "cd") }, map[string][]byte{"o": []byte("abcd")}},
		{"after the body", func(to func(string), write func(...string)) { write("ab", "cd"); to("o") }, map[string][]byte{"o": []byte("abcd")}},
		{"in between", func(to func(string), write func(...string)) { write("ab"); to("o"); write("cd") }, map[string][]byte{"o": []byte("abcd")}},
		{"twice", func(to func(string), write func(...string)) { to("o"); write("ab"); to("p") }, map[string][]byte{"o": []byte("ab"), "p": []byte("ab")}},
		{"no body", func(to func(string), _ func(...string)) { to("o") }, map[string][]byte{"o": nil}},
		{"nowhere", func(_ func(string), write func(...string)) { write("ab") }, map[string][]byte{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, in, b := newStore(t)
			o := newOutgoing(t, s)
			var w iop2.OutputStream
			c.do(func(name string) {
				if err := in.WriteData(t.Context(), name, o); err != nil {
					t.Fatal(err)
				}
			}, func(pieces ...string) {
				if w == nil {
					w = bodyOf(t, o)
				}
				write(t, w, pieces...)
			})
			if len(b.containers["c"]) != 0 || b.puts.Load() != 0 {
				t.Errorf("before it is finished there is %q", b.containers["c"])
			}
			if err := s.OutgoingValueFinish(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if !maps.EqualFunc(b.containers["c"], c.want, bytes.Equal) {
				t.Errorf("got %q, wanted %q", b.containers["c"], c.want)
			}
		})
	}
}

// TestUnfinished: a value that is dropped unfinished leaves no object, and old objects stay.
func TestUnfinished(t *testing.T) {
	s, in, b := newStore(t)
	b.containers["c"]["old"] = []byte("old")
	o := newOutgoing(t, s)
	for _, name := range []string{"old", "new"} {
		if err := in.WriteData(t.Context(), name, o); err != nil {
			t.Fatal(err)
		}
	}
	w := bodyOf(t, o)
	write(t, w, "half of")
	for _, r := range []any{w, o} {
		if d, ok := r.(interface{ Drop(context.Context) error }); ok {
			if err := d.Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := map[string][]byte{"old": []byte("old")}; !maps.EqualFunc(b.containers["c"], want, bytes.Equal) {
		t.Errorf("got %q", b.containers["c"])
	}
}

func TestBodyOnce(t *testing.T) {
	s, _, _ := newStore(t)
	o := newOutgoing(t, s)
	bodyOf(t, o)
	_, err := o.OutgoingValueWriteBody(t.Context())
	if empty := (*cm.ResultError[struct{}])(nil); !errors.As(err, &empty) {
		t.Errorf("a second body: %v", err)
	}
}

// TestLateWrite: writes to a body's stream after the end of its value change no object.
func TestLateWrite(t *testing.T) {
	s, in, b := newStore(t)
	o := newOutgoing(t, s)
	w := bodyOf(t, o)
	write(t, w, "abc")
	if err := errors.Join(in.WriteData(t.Context(), "o", o), s.OutgoingValueFinish(t.Context(), o)); err != nil {
		t.Fatal(err)
	}
	write(t, w, "def")
	if got := b.containers["c"]["o"]; string(got) != "abc" {
		t.Errorf("got %q", got)
	}
}

func TestTooLarge(t *testing.T) {
	s, in, b := newStore(t)
	o := newOutgoing(t, s)
	o.(*outgoing).data.Write(make([]byte, MaxObject-3)) // without a destination
	w := bodyOf(t, o)
	write(t, w, "abc")
	err := w.BlockingWriteAndFlush(t.Context(), []byte("d"))
	if failed := (*cm.ResultError[iop2.StreamError])(nil); !errors.As(err, &failed) || failed.Value.Tag != iop2.StreamErrorTagLastOperationFailed {
		t.Errorf("one byte more: %v", err)
	}
	if err := errors.Join(in.WriteData(t.Context(), "o", o), s.OutgoingValueFinish(t.Context(), o)); err != nil {
		t.Fatal(err)
	}
	if got := len(b.containers["c"]["o"]); got != MaxObject {
		t.Errorf("the object has %d bytes", got)
	}
}

func TestRanges(t *testing.T) {
	s, in, b := newStore(t)
	b.containers["c"]["o"] = []byte("0123456789")
	b.containers["c"]["empty"] = nil
	for _, c := range []struct {
		object     string
		start, end uint64
		want       string
	}{
		{"o", 0, 9, "0123456789"},
		{"o", 0, 0, "0"},
		{"o", 3, 5, "345"},
		{"o", 9, 9, "9"},
		{"o", 0, 10, "0123456789"},
		{"o", 5, math.MaxUint64, "56789"},
		{"o", 10, 10, ""},
		{"o", 11, 20, ""},
		{"o", math.MaxUint64, math.MaxUint64, ""},
		{"empty", 0, 0, ""},
		{"empty", 0, math.MaxUint64, ""},
	} {
		t.Run(fmt.Sprintf("%s %d to %d", c.object, c.start, c.end), func(t *testing.T) {
			v, err := in.GetData(t.Context(), c.object, c.start, c.end)
			if err != nil {
				t.Fatal(err)
			}
			size, err := v.Size(t.Context())
			if err != nil || size != uint64(len(c.want)) {
				t.Errorf("size %d, %v", size, err)
			}
			if got, err := s.IncomingValueIncomingValueConsumeSync(t.Context(), v); err != nil || string(got) != c.want {
				t.Errorf("sync: got %q, %v, wanted %q", got, err, c.want)
			}
			if v, err = in.GetData(t.Context(), c.object, c.start, c.end); err != nil {
				t.Fatal(err)
			}
			r, err := s.IncomingValueIncomingValueConsumeAsync(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, r)
			if err != nil {
				t.Error(err)
			}
			drop(t, r)
			if b.opened != 0 {
				t.Errorf("%d readers are open", b.opened)
			}
			if string(got) != c.want {
				t.Errorf("async: got %q, wanted %q", got, c.want)
			}
		})
	}
	_, err := in.GetData(t.Context(), "o", 5, 4)
	wantText(t, err, "after its end")
	_, err = in.GetData(t.Context(), "none", 0, 1)
	wantText(t, err, "not found")
}

// readAll reads to the end of a stream.
func readAll(t *testing.T, r iop2.InputStream) (got []byte, err error) {
	t.Helper()
	for {
		p, err := r.BlockingRead(t.Context(), 64<<10)
		if end := (*cm.ResultError[iop2.StreamError])(nil); errors.As(err, &end) && end.Value.Tag == iop2.StreamErrorTagClosed {
			return got, nil
		} else if err != nil {
			return got, err
		}
		got = append(got, p...)
	}
}

func drop(t *testing.T, r any) {
	t.Helper()
	if d, ok := r.(interface{ Drop(context.Context) error }); ok {
		if err := d.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContainer(t *testing.T) {
	ctx := t.Context()
	s, _, b := newStore(t)
	_, err := s.CreateContainer(ctx, "c")
	wantText(t, err, "exists already")
	_, err = s.GetContainer(ctx, "d")
	wantText(t, err, "not found")
	wantText(t, s.DeleteContainer(ctx, "d"), "not found")
	in, err := s.GetContainer(ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	if name, err := in.Name(ctx); name != "c" || err != nil {
		t.Errorf("name %q, %v", name, err)
	}
	if info, err := in.Info(ctx); err != nil || info != (bindings.ContainerMetadata{Name: "c", CreatedAt: 1000}) {
		t.Errorf("info %+v, %v", info, err)
	}
	b.containers["c"] = map[string][]byte{"a": []byte("123"), "b": nil, "d": nil, "e": nil}
	want := bindings.ObjectMetadata{Name: "a", Container: "c", CreatedAt: 2000, Size: 3}
	if info, err := in.ObjectInfo(ctx, "a"); err != nil || info != want {
		t.Errorf("object info %+v, %v", info, err)
	}
	for name, want := range map[string]bool{"a": true, "z": false} {
		if has, err := in.HasObject(ctx, name); has != want || err != nil {
			t.Errorf("has %s: %v, %v", name, has, err)
		}
	}
	if err := errors.Join(in.DeleteObject(ctx, "a"), in.DeleteObjects(ctx, []string{"b", "z"})); err != nil || len(b.containers["c"]) != 2 {
		t.Errorf("deletion: %v, left is %v", err, b.containers["c"])
	}
	if err := in.Clear(ctx); err != nil || len(b.containers["c"]) != 0 {
		t.Errorf("clear: %v, left is %v", err, b.containers["c"])
	}
	if err := s.DeleteContainer(ctx, "c"); err != nil {
		t.Error(err)
	}
	if there, err := s.ContainerExists(ctx, "c"); there || err != nil {
		t.Errorf("exists: %v, %v", there, err)
	}
	_, err = in.Info(ctx)
	wantText(t, err, "not found") // the resource outlives the container
}

func TestNames(t *testing.T) {
	ctx := t.Context()
	_, in, b := newStore(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		b.containers["c"][name] = nil
	}
	b.page = 2
	names, err := in.ListObjects(ctx)
	if err != nil {
		t.Fatal(err)
	}
	read := func(n uint64, end bool, want ...string) {
		t.Helper()
		if got, err := names.ReadStreamObjectNames(ctx, n); err != nil || !slices.Equal(got.F0, want) || got.F1 != end {
			t.Errorf("read %d: %v, %v, wanted %v, %v", n, got, err, want, end)
		}
	}
	skip := func(n, want uint64, end bool) {
		t.Helper()
		if got, err := names.SkipStreamObjectNames(ctx, n); err != nil || got.F0 != want || got.F1 != end {
			t.Errorf("skip %d: %v, %v, wanted %d, %v", n, got, err, want, end)
		}
	}
	read(0, false)
	read(2, false, "a", "b")
	skip(1, 1, false)
	read(1, false, "d")
	read(math.MaxUint64, true, "e")
	read(1, true)
	skip(1, 0, true)
}

func TestCopyAndMove(t *testing.T) {
	ctx := t.Context()
	id := func(container, object string) bindings.ObjectID {
		return bindings.ObjectID{Container: container, Object: object}
	}
	for _, c := range []struct {
		name     string
		do       func(s store) error
		want     string // the objects then
		problems string
	}{
		{"copy", func(s store) error { return s.CopyObject(ctx, id("c", "o"), id("d", "p")) }, "c/o d/p", ""},
		{"copy onto itself", func(s store) error { return s.CopyObject(ctx, id("c", "o"), id("c", "o")) }, "c/o", ""},
		{"copy of nothing", func(s store) error { return s.CopyObject(ctx, id("c", "z"), id("d", "p")) }, "c/o", "not found"},
		{"copy to nowhere", func(s store) error { return s.CopyObject(ctx, id("c", "o"), id("z", "p")) }, "c/o", "not found"},
		{"move", func(s store) error { return s.MoveObject(ctx, id("c", "o"), id("d", "p")) }, "d/p", ""},
		{"move onto itself", func(s store) error { return s.MoveObject(ctx, id("c", "o"), id("c", "o")) }, "c/o", ""},
		{"move of nothing onto itself", func(s store) error { return s.MoveObject(ctx, id("c", "z"), id("c", "z")) }, "c/o", "not found"},
		{"move to nowhere", func(s store) error { return s.MoveObject(ctx, id("c", "o"), id("z", "o")) }, "c/o", "not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, b := newStore(t)
			b.containers = map[string]map[string][]byte{"c": {"o": []byte("data")}, "d": {}}
			err := c.do(s)
			if c.problems != "" {
				wantText(t, err, c.problems)
			} else if err != nil {
				t.Error(err)
			}
			got := ""
			for _, in := range slices.Sorted(maps.Keys(b.containers)) {
				for _, name := range slices.Sorted(maps.Keys(b.containers[in])) {
					if got += " " + in + "/" + name; string(b.containers[in][name]) != "data" {
						t.Errorf("%s in %s has %q", name, in, b.containers[in][name])
					}
				}
			}
			if got != " "+c.want {
				t.Errorf("there is%s, wanted %s", got, c.want)
			}
		})
	}
}

// TestBackendFails: a backend's failure is the interface's error for the component, never a trap or a result.
func TestBackendFails(t *testing.T) {
	ctx := t.Context()
	s, in, b := newStore(t)
	o := newOutgoing(t, s)
	if err := in.WriteData(ctx, "o", o); err != nil {
		t.Fatal(err)
	}
	b.err = errors.New(secret)
	for name, err := range map[string]error{
		"create-container": second(s.CreateContainer(ctx, "d")),
		"get-container":    second(s.GetContainer(ctx, "c")),
		"delete-container": s.DeleteContainer(ctx, "c"),
		"container-exists": second(s.ContainerExists(ctx, "c")),
		"copy-object":      s.CopyObject(ctx, bindings.ObjectID{}, bindings.ObjectID{Object: "x"}),
		"move-object":      s.MoveObject(ctx, bindings.ObjectID{}, bindings.ObjectID{Object: "x"}),
		"info":             second(in.Info(ctx)),
		"get-data":         second(in.GetData(ctx, "o", 0, 1)),
		"list-objects":     second(in.ListObjects(ctx)),
		"delete-object":    in.DeleteObject(ctx, "o"),
		"delete-objects":   in.DeleteObjects(ctx, []string{"o"}),
		"has-object":       second(in.HasObject(ctx, "o")),
		"object-info":      second(in.ObjectInfo(ctx, "o")),
		"clear":            in.Clear(ctx),
		"finish":           s.OutgoingValueFinish(ctx, o),
	} {
		t.Run(name, func(t *testing.T) {
			wantText(t, err, backend.FailedText)
			var cause *cm.BackendError
			if !errors.As(err, &cause) || !errors.Is(cause, b.err) {
				t.Errorf("its cause is %v", cause)
			}
		})
	}
}

// ownerBackend is a backend that records owners.
type ownerBackend struct {
	seen []Owner
	in   map[string]map[string][]byte
}

func (o *ownerBackend) Store(owner Owner) Store {
	o.seen = append(o.seen, owner)
	return &testBackend{containers: o.in}
}

func (o *ownerBackend) Drop(Owner) {}

func TestBind(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	b := &ownerBackend{}
	w := &workload.Spec{Namespace: "n", Name: "shop"}
	for _, name := range []string{"cart", "price"} {
		if _, err := New(b).Bind(t.Context(), engine.NewLinker(nil), &host.Binding{Workload: w, Component: &workload.Component{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []Owner{{Namespace: "n", Workload: "shop", Component: "cart"}, {Namespace: "n", Workload: "shop", Component: "price"}}; !slices.Equal(b.seen, want) {
		t.Errorf("stores were asked for %v, wanted %v", b.seen, want)
	}
}
