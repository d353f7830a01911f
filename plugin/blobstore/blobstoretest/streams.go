package blobstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing/iotest"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

func atomic(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", "")
	var wg sync.WaitGroup
	var won [8]bool
	for i := range won {
		wg.Go(func() {
			won[i] = t.store.CreateContainer(t.ctx, "race") == nil
			own := fmt.Sprint("own-", i)
			for n := range 20 {
				_, err := t.store.Put(t.ctx, "c", "o", iotest.HalfReader(bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, 10_000+n))))
				_, putOwn := t.store.Put(t.ctx, "c", own, strings.NewReader(own))
				o, _, gone := t.read("c", "o", 0, math.MaxUint64)
				_, list := t.store.List(t.ctx, "c", "")
				if err = errors.Join(err, putOwn, gone, list, t.store.Delete(t.ctx, "c", own)); err != nil {
					t.Error(err)
				}
				if len(o) > 0 && bytes.Count(o, o[:1]) != len(o) {
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

// endReader is a reader that must not be read after its end.
type endReader struct {
	io.Reader
	ended, again bool
}

func (e *endReader) Read(p []byte) (int, error) {
	e.again = e.again || e.ended
	n, err := e.Reader.Read(p)
	e.ended = err != nil
	return n, err
}

func readsToEnd(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	for _, data := range []string{"", "x", strings.Repeat("0123456789", 10_000)} {
		r := &endReader{Reader: strings.NewReader(data)}
		_, err := t.store.Put(t.ctx, "c", "o", r)
		t.ok(err)
		if !r.ended || r.again {
			t.Errorf("%d bytes: read to the end: %t, beyond it: %t", len(data), r.ended, r.again)
		}
	}
}

func failedPut(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "old", "old")
	cable := errors.New("cable pulled")
	for _, n := range []int{0, 1, 5000, 1_000_000} {
		for _, name := range []string{"old", "new"} {
			half := io.MultiReader(strings.NewReader(strings.Repeat("x", n)), iotest.ErrReader(cable))
			_, err := t.store.Put(t.ctx, "c", name, half)
			t.is(err, cable)
			_, err = t.store.Put(t.ctx, "c", name, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)))
			t.is(err, io.ErrUnexpectedEOF)
		}
		t.wantNames("c", "old")
		t.want("c", "old", "old")
	}
}

// startPut starts a Put of an object of which half is written.
func (t *tester) startPut(ctx context.Context, name string) (w *io.PipeWriter, done <-chan error) {
	t.Helper()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := t.store.Put(ctx, "c", name, r)
		r.CloseWithError(errors.New("the put has ended"))
		ended <- err
	}()
	if _, err := w.Write(bytes.Repeat([]byte("n"), 10_000)); err != nil {
		t.Fatal(err)
	}
	return w, ended
}

func runningPut(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "old", "old")
	old, oldDone := t.startPut(t.ctx, "old")
	fresh, freshDone := t.startPut(t.ctx, "new")
	t.want("c", "old", "old") // without waiting for the Put
	_, err := t.store.Stat(t.ctx, "c", "new")
	t.is(err, blobstore.ErrNoSuchObject)
	t.wantNames("c", "old")
	t.ok(old.Close())
	t.ok(<-oldDone)
	t.want("c", "old", strings.Repeat("n", 10_000))
	// The container may be deleted before the Put's end.
	t.ok(t.store.DeleteContainer(t.ctx, "c"))
	t.ok(fresh.Close())
	t.is(<-freshDone, blobstore.ErrNoSuchContainer)
}

// timeout bounds calls that must not wait for ever.
const timeout = 30 * time.Second

func cancelledPut(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "old", "old")
	ctx, cancel := context.WithCancel(t.ctx)
	w, done := t.startPut(ctx, "old")
	cancel()
	// The owner of a reader ends its Read; whatever that returns, the put was cancelled.
	go w.Write([]byte("more")) //nolint:errcheck // the put may have ended
	select {
	case err := <-done:
		t.is(err, context.Canceled)
	case <-time.After(timeout):
		t.Fatal("the put goes on")
	}
	t.want("c", "old", "old")
	t.wantNames("c", "old")
}

func cancelled(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", "data")
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	// A call that does not wait may succeed; one that waits must end.
	for name, err := range map[string]error{
		"create": t.store.CreateContainer(ctx, "d"),
		"stat":   second(t.store.Stat(ctx, "c", "o")),
		"list":   second(t.store.List(ctx, "c", "")),
		"delete": t.store.Delete(ctx, "c", "other"),
	} {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, _, err := t.store.Open(ctx, "c", "o", 0, 4); err == nil {
		data, err := io.ReadAll(r)
		if err == nil && string(data) != "data" || err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("read: %q, %v", data, err)
		}
		t.ok(r.Close())
	} else {
		t.is(err, context.Canceled)
	}
}

func second[T any](_ T, err error) error { return err }

func closedReader(t *tester) {
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.put("c", "o", strings.Repeat("x", 1_000_000))
	r, _, err := t.store.Open(t.ctx, "c", "o", 0, math.MaxUint64)
	t.ok(err)
	read := make(chan struct{})
	go func() { // as the plugin may
		defer close(read)
		for buf := make([]byte, 1000); err == nil; {
			_, err = r.Read(buf)
		}
	}()
	t.ok(r.Close())
	select {
	case <-read:
	case <-time.After(timeout):
		t.Fatal("a read goes on behind Close")
	}
	t.ok(t.store.Delete(t.ctx, "c", "o"))
}

func copies(t *tester) {
	c, can := t.store.(blobstore.Copier)
	if !can {
		t.Logf("its stores are no Copier")
		return
	}
	t.ok(t.store.CreateContainer(t.ctx, "c"))
	t.ok(t.store.CreateContainer(t.ctx, "d"))
	t.put("c", "o", "data")
	t.put("d", "o", "old")
	t.ok(c.Copy(t.ctx, "c", "o", "d", "o"))
	t.ok(c.Copy(t.ctx, "c", "o", "c", "o"))
	t.ok(c.Copy(t.ctx, "c", "o", "c", "p"))
	t.put("c", "o", "changed")
	t.want("c", "p", "data")
	t.want("d", "o", "data")
	t.is(c.Copy(t.ctx, "c", "none", "d", "o"), blobstore.ErrNoSuchObject)
	t.is(c.Copy(t.ctx, "none", "o", "d", "o"), blobstore.ErrNoSuchContainer)
	t.is(c.Copy(t.ctx, "c", "o", "none", "o"), blobstore.ErrNoSuchContainer)
	t.want("d", "o", "data")
}
