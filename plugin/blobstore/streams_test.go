package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

const megabyte = 1 << 20

// pieces writes n bytes in pieces with different bytes, and returns all.
func pieces(t *testing.T, w iop2.OutputStream, n int) []byte {
	t.Helper()
	var all []byte
	for i := 0; len(all) < n; i++ {
		p := bytes.Repeat([]byte{byte('a' + i%26)}, 4096)
		if err := w.BlockingWriteAndFlush(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p...)
	}
	return all
}

// TestLargeValuesAreStreams: a value with a destination is streamed to it while it is written, and visible when it is finished.
func TestLargeValuesAreStreams(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("place after the first bytes: ", late), func(t *testing.T) {
			s, in, b := newStore(t)
			account := cm.NewAccount(4 * megabyte)
			ctx := context.WithValue(t.Context(), cm.AccountKey(), account)
			b.containers["c"]["o"] = []byte("old")
			o := newOutgoing(t, s)
			w := bodyOf(t, o)
			var want []byte
			if late {
				want = pieces(t, w, 2*streamThreshold)
			}
			if err := errors.Join(in.WriteData(ctx, "o", o), in.WriteData(ctx, "also", o)); err != nil {
				t.Fatal(err)
			}
			want = append(want, pieces(t, w, 20*megabyte)...)
			drop(t, w)
			if n := b.puts.Load(); n != 1 {
				t.Errorf("%d puts are under way", n)
			}
			if got, _ := b.object("c", "o"); string(got) != "old" {
				t.Errorf("before it is finished there are %d bytes", len(got))
			}
			if held := account.Used(); held > megabyte {
				t.Errorf("%d bytes are held", held)
			}
			if err := s.OutgoingValueFinish(ctx, o); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"o", "also"} {
				if got := b.containers["c"][name]; !bytes.Equal(got, want) {
					t.Errorf("%s has %d bytes, wanted %d", name, len(got), len(want))
				}
			}
			if b.largest > 4*wasiio.WriteBuffer || account.Used() != 0 || b.opened != 0 {
				t.Errorf("pieces of %d bytes; %d bytes are held, %d readers open", b.largest, account.Used(), b.opened)
			}
		})
	}
}

// TestUnfinishedStream: a large value that is dropped unfinished leaves the old object, and no running Put.
func TestUnfinishedStream(t *testing.T) {
	s, in, b := newStore(t)
	b.containers["c"]["o"] = []byte("old")
	o := newOutgoing(t, s)
	if err := in.WriteData(t.Context(), "o", o); err != nil {
		t.Fatal(err)
	}
	w := bodyOf(t, o)
	pieces(t, w, megabyte)
	done := o.(*outgoing).stream.done
	drop(t, w)
	drop(t, o)
	select {
	case <-done:
	default:
		t.Error("the put goes on")
	}
	if got := b.containers["c"]["o"]; string(got) != "old" {
		t.Errorf("it has %d bytes", len(got))
	}
}

// misbehavingPut is a store with another Put.
type misbehavingPut struct {
	*testBackend
	put func(ctx context.Context, data io.Reader) error
}

func (o misbehavingPut) Put(ctx context.Context, _, _ string, data io.Reader) (Info, error) {
	return Info{}, o.put(ctx, data)
}

// TestPutsThatFail: a Put that fails while the guest writes ends the stream with an error without the backend's text, and fails finish.
func TestPutsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(ctx context.Context, data io.Reader) error
		text string
	}{
		"at once":   {func(context.Context, io.Reader) error { return errors.New(secret) }, backend.FailedText},
		"full":      {func(context.Context, io.Reader) error { return fmt.Errorf("%s: %w", secret, ErrFull) }, ErrFull.Error()},
		"too early": {func(context.Context, io.Reader) error { return nil }, backend.FailedText},
		"panic":     {func(context.Context, io.Reader) error { panic(secret) }, backend.FailedText},
		"half way": {func(_ context.Context, data io.Reader) error {
			_, err := io.CopyN(io.Discard, data, 200_000)
			return errors.Join(errors.New(secret), err)
		}, backend.FailedText},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, b := newStore(t)
			s := storeWith(misbehavingPut{b, c.put})
			in, err := s.GetContainer(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			o := newOutgoing(t, s)
			if err := in.WriteData(t.Context(), "o", o); err != nil {
				t.Fatal(err)
			}
			w := bodyOf(t, o)
			for err == nil {
				err = w.BlockingWriteAndFlush(t.Context(), make([]byte, 4096))
			}
			var fail *cm.ResultError[iop2.StreamError]
			if !errors.As(err, &fail) || fail.Value.Tag != iop2.StreamErrorTagLastOperationFailed {
				t.Fatalf("writing ends with %v", err)
			}
			if text, _ := fail.Value.LastOperationFailed.ToDebugString(t.Context()); text != backend.FailedText {
				t.Errorf("the stream tells %q", text)
			}
			drop(t, w)
			err = s.OutgoingValueFinish(t.Context(), o)
			if wantText(t, err, c.text); name != "too early" && !strings.Contains(cm.Detail(errors.Unwrap(err)), "hunter2") {
				t.Errorf("operators get %v", cm.Detail(err))
			}
		})
	}
}

// TestStuckBackend: a backend that does not read blocks the guest's writes, and its Put ends with the invocation.
func TestStuckBackend(t *testing.T) {
	_, _, b := newStore(t)
	s := storeWith(misbehavingPut{b, func(ctx context.Context, _ io.Reader) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	in, err := s.GetContainer(ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	o := newOutgoing(t, s)
	if err := in.WriteData(ctx, "o", o); err != nil {
		t.Fatal(err)
	}
	w := bodyOf(t, o)
	taken := uint64(0)
	for {
		n, err := w.CheckWrite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if err := w.Write(ctx, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if taken += n; taken > megabyte {
			t.Fatal("it takes all that there is")
		}
	}
	drop(t, w)
	time.AfterFunc(10*time.Millisecond, cancel)
	var told *cm.ResultError[bindings.Error]
	if err := s.OutgoingValueFinish(ctx, o); !errors.Is(err, context.Canceled) || errors.As(err, &told) {
		t.Errorf("finished: %v", err)
	}
}

// TestReadingFails: however a guest reads, its errors do not have the backend's text.
func TestReadingFails(t *testing.T) {
	for _, how := range []string{"sync", "async"} {
		s, in, b := newStore(t)
		b.containers["c"]["o"] = make([]byte, 10_000)
		v, err := in.GetData(t.Context(), "o", 0, math.MaxUint64)
		if err != nil {
			t.Fatal(err)
		}
		b.gate = make(chan error, 2)
		b.gate <- nil
		b.gate <- errors.New(secret)
		if how == "sync" {
			_, err := s.IncomingValueIncomingValueConsumeSync(t.Context(), v)
			wantText(t, err, backend.FailedText)
		} else {
			r, err := s.IncomingValueIncomingValueConsumeAsync(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, r)
			var fail *cm.ResultError[iop2.StreamError]
			if !errors.As(err, &fail) || fail.Value.Tag != iop2.StreamErrorTagLastOperationFailed || len(got) != 3000 {
				t.Fatalf("%d bytes, and %v", len(got), err)
			}
			if text, _ := fail.Value.LastOperationFailed.ToDebugString(t.Context()); text != backend.FailedText {
				t.Errorf("the stream tells %q", text)
			}
			if !strings.Contains(cm.Detail(err), "hunter2") {
				t.Errorf("operators get %s", cm.Detail(err))
			}
			drop(t, r)
		}
		if b.opened != 0 {
			t.Errorf("%s: %d readers are open", how, b.opened)
		}
	}
}

// shortReads is a store whose readers return fewer bytes than the object's size.
type shortReads struct{ *testBackend }

func (s shortReads) Open(ctx context.Context, in, name string, from, n uint64) (io.ReadCloser, Info, error) {
	r, info, err := s.testBackend.Open(ctx, in, name, from, n)
	info.Size *= 2
	return r, info, err
}

// TestShortReads: an object that is shorter than its size is an error.
func TestShortReads(t *testing.T) {
	_, _, b := newStore(t)
	b.containers["c"]["o"] = make([]byte, 10_000)
	s := storeWith(shortReads{b})
	in, err := s.GetContainer(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	get := func() bindings.IncomingValue {
		v, err := in.GetData(t.Context(), "o", 0, math.MaxUint64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	_, err = s.IncomingValueIncomingValueConsumeSync(t.Context(), get())
	wantText(t, err, backend.FailedText)
	r, err := s.IncomingValueIncomingValueConsumeAsync(t.Context(), get())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, r); err == nil {
		t.Errorf("%d bytes, and no error", len(got))
	}
	drop(t, r)
}

// TestLargeReads: an object that exceeds MaxObject can be read as a stream only.
func TestLargeReads(t *testing.T) {
	s, in, b := newStore(t)
	account := cm.NewAccount(megabyte)
	ctx := context.WithValue(t.Context(), cm.AccountKey(), account)
	b.containers["c"]["o"] = make([]byte, 3*megabyte)
	b.containers["c"]["huge"] = make([]byte, MaxObject+1)
	for name, text := range map[string]string{"o": "--host-memory", "huge": "as a stream"} {
		v, err := in.GetData(ctx, name, 0, math.MaxUint64)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.IncomingValueIncomingValueConsumeSync(ctx, v)
		if wantText(t, err, text); account.Used() != 0 {
			t.Errorf("%s: %d bytes are held", name, account.Used())
		}
	}
	v, err := in.GetData(ctx, "o", 0, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.IncomingValueIncomingValueConsumeAsync(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, r); len(got) != 3*megabyte || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if drop(t, r); account.Used() != 0 || b.opened != 0 {
		t.Errorf("%d bytes are held, %d readers open", account.Used(), b.opened)
	}
}

// TestRoutes: grants choose a container's backend, and objects are copied and moved between backends.
func TestRoutes(t *testing.T) {
	ctx := t.Context()
	one, two := &testBackend{containers: map[string]map[string][]byte{}}, &testBackend{containers: map[string]map[string][]byte{}}
	s := store{map[string]*granted{"default": {one, "one"}, "archive": {two, "two"}}, func(context.Context, string) {}}
	for _, name := range []string{"a", "archive"} {
		if _, err := s.CreateContainer(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if one.containers["a"] == nil || two.containers["archive"] == nil || len(one.containers)+len(two.containers) != 2 {
		t.Fatalf("there are %v and %v", one.containers, two.containers)
	}
	one.containers["a"]["o"] = []byte("data")
	here, there := bindings.ObjectID{Container: "a", Object: "o"}, bindings.ObjectID{Container: "archive", Object: "p"}
	if err := s.CopyObject(ctx, here, there); err != nil || string(two.containers["archive"]["p"]) != "data" {
		t.Errorf("copied: %v, %v", err, two.containers)
	}
	one.containers["a"]["o"] = []byte("more")
	if err := s.MoveObject(ctx, here, there); err != nil || string(two.containers["archive"]["p"]) != "more" || len(one.containers["a"]) != 0 {
		t.Errorf("moved: %v, %v, %v", err, one.containers, two.containers)
	}
	delete(s.routes, "default")
	_, err := s.CreateContainer(ctx, "a")
	wantText(t, err, "access denied")
	wantText(t, s.CopyObject(ctx, there, here), "access denied")
	if _, err := s.GetContainer(ctx, "archive"); err != nil {
		t.Error(err)
	}
}

// TestGrants: mistakes in grants are errors; package keyvalue tests all of them.
func TestGrants(t *testing.T) {
	first, second := &ownerBackend{}, &ownerBackend{}
	p := New(first).Add("disk", second)
	bind := func(grants map[string]workload.StoreGrant) error {
		release, err := backendtest.Bind(t, p, "w", workload.Grants{Blobstore: grants})
		if err == nil {
			release()
		}
		return err
	}
	if err := bind(nil); err != nil || len(first.seen) != 1 || len(second.seen) != 0 {
		t.Errorf("without grants: %v, %v, %v", err, first.seen, second.seen)
	}
	if err := bind(map[string]workload.StoreGrant{"a": {Backend: "disk"}, "b": {Backend: "disk"}}); err != nil || len(first.seen) != 1 || len(second.seen) != 1 {
		t.Errorf("with grants: %v, %v, %v", err, first.seen, second.seen)
	}
	if err := bind(map[string]workload.StoreGrant{"a": {Backend: "dusk"}}); err == nil || !strings.Contains(err.Error(), `grants.blobstore.a: there is no backend named "dusk"; want default or disk`) {
		t.Errorf("an unknown one: %v", err)
	}
}

// TestValueOfAnother: a value of another implementation is an error, not a panic.
func TestValueOfAnother(t *testing.T) {
	s, c, _ := newStore(t)
	out, in := struct{ bindings.OutgoingValue }{}, struct{ bindings.IncomingValue }{}
	for name, err := range map[string]error{
		"write-data":    c.WriteData(t.Context(), "o", out),
		"finish":        s.OutgoingValueFinish(t.Context(), out),
		"consume-sync":  second(s.IncomingValueIncomingValueConsumeSync(t.Context(), in)),
		"consume-async": second(s.IncomingValueIncomingValueConsumeAsync(t.Context(), in)),
	} {
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapHost || !strings.Contains(trap.Detail, "wasi:blobstore/types@0.2.0-draft.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ any, err error) error { return err }
