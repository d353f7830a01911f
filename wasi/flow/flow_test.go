package flow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// TestTake: what is written is passed on in order and whole, whatever the sizes; the end is told once.
func TestTake(t *testing.T) {
	for _, size := range []int{1, small, small + 1, bufferSize, 3*bufferSize + 7} {
		var g Group
		w, r := cm.NewStream[uint8]()
		var got bytes.Buffer
		ended := make(chan error)
		err := Scope{&g, t.Context()}.Take(r, true, func(_ context.Context, p []byte) error { got.Write(p); return nil }, func(_ context.Context, err error) { ended <- err })
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		if n, err := w.Write(t.Context(), want); n != size || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		w.Close()
		if err := <-ended; err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes of %d, %v", got.Len(), size, err)
		}
	}
}

// TestTakeFails: an error drops the stream, and whoever writes hears of it.
func TestTakeFails(t *testing.T) {
	var g Group
	w, r := cm.NewStream[uint8]()
	broken := errors.New("broken")
	ended := make(chan error, 1)
	_ = Scope{&g, t.Context()}.Take(r, true, func(context.Context, []byte) error { return broken }, func(_ context.Context, err error) { ended <- err })
	_, _ = w.Write(t.Context(), []byte("x"))
	if err := <-ended; err != broken {
		t.Error(err)
	}
	if _, err := w.Write(t.Context(), []byte("x")); !errors.Is(err, cm.ErrReaderGone) {
		t.Error(err)
	}
}

// TestCloseSettles: the end of a store waits until what has been taken has been passed on; it does not where the call has ended.
func TestCloseSettles(t *testing.T) {
	for _, over := range []bool{false, true} {
		var g Group
		w, r := cm.NewStream[uint8]()
		ctx, cancel := context.WithCancel(t.Context())
		begun, go_, passed := make(chan struct{}), make(chan struct{}), false
		ended := make(chan error, 1)
		_ = Scope{&g, ctx}.Take(r, true, func(ctx context.Context, _ []byte) error {
			close(begun)
			select {
			case <-go_:
				passed = true
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, func(_ context.Context, err error) { ended <- err })
		_, _ = w.Write(t.Context(), []byte("x"))
		<-begun
		closed := make(chan struct{})
		if over {
			cancel()
		}
		go func() { g.Close(); close(closed) }()
		if !over {
			select {
			case <-closed:
				t.Error("it does not wait")
			default:
			}
			close(go_)
		}
		<-closed
		if err := <-ended; passed == over || err == nil {
			t.Errorf("over %t: passed on %t, %v", over, passed, err)
		}
		cancel()
		w.Close()
	}
}

// TestFeed: nothing is read before somebody wants it, and the end is told.
func TestFeed(t *testing.T) {
	var g Group
	w, r := cm.NewStream[uint8]()
	src := bytes.NewReader(bytes.Repeat([]byte("abc"), bufferSize))
	asked := make(chan struct{}, 1<<10)
	ended := make(chan error, 1)
	err := Scope{&g, t.Context()}.Feed(w, SourceFunc(func(_ context.Context, p []byte) (int, error) { asked <- struct{}{}; return src.Read(p) }), func(_ context.Context, err error) { ended <- err })
	if err != nil || len(asked) > 0 {
		t.Fatal(err, len(asked))
	}
	n, err := io.Copy(io.Discard, cm.ReadStream(t.Context(), r))
	if err != nil || n != 3*bufferSize {
		t.Error(n, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFeedEnds: without a reader there is no error, with an error of the source, or the end of the store, there is.
func TestFeedEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		read  func(context.Context, []byte) (int, error)
		close bool
		want  error
	}{
		{func(context.Context, []byte) (int, error) { return 0, broken }, false, broken},
		{func(context.Context, []byte) (int, error) { return 1, nil }, true, nil},
		{func(ctx context.Context, _ []byte) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }, false, ErrEnded},
	} {
		var g Group
		w, r := cm.NewStream[uint8]()
		ended := make(chan error, 1)
		_ = Scope{&g, t.Context()}.Feed(w, SourceFunc(c.read), func(_ context.Context, err error) { ended <- err })
		if c.close {
			r.Close()
		}
		if c.want == ErrEnded {
			go func() { _, _ = r.Read(t.Context(), make([]byte, 1)) }()
			g.Close()
		} else if !c.close {
			_, _ = r.Read(t.Context(), make([]byte, 1))
		}
		if err := <-ended; err != c.want {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
}

// TestReaderGone: who drops the stream ends the wait of the source.
func TestReaderGone(t *testing.T) {
	var g Group
	w, r := cm.NewStream[uint8]()
	begun, ended := make(chan struct{}), make(chan error, 1)
	_ = Scope{&g, t.Context()}.Feed(w, SourceFunc(func(ctx context.Context, _ []byte) (int, error) {
		close(begun)
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}), func(_ context.Context, err error) { ended <- err })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := r.Read(ctx, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = r.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	values, reader := cm.NewStream[string]()
	_ = reader.Close()
	gone := false
	values.OnGone(func() { gone = true })
	if !gone {
		t.Error("a reader that has gone is not told of")
	}
}

// TestAccount: work that there is no room for is refused, and its ends are dropped.
func TestAccount(t *testing.T) {
	a := cm.NewAccount(Held)
	ctx := context.WithValue(t.Context(), cm.AccountKey(), a)
	var g Group
	w, r := cm.NewStream[uint8]()
	ended := make(chan error, 1)
	if err := (Scope{&g, ctx}).Feed(w, SourceFunc(func(context.Context, []byte) (int, error) { return 0, io.EOF }), func(_ context.Context, err error) { ended <- err }); err != nil {
		t.Fatal(err)
	}
	w2, r2 := cm.NewStream[uint8]()
	var trap *cm.Trap
	if err := (Scope{&g, ctx}).Take(r2, false, nil, nil); !errors.As(err, &trap) || trap.Code != cm.TrapHostMemory {
		t.Error(err)
	}
	if _, err := w2.Write(t.Context(), []byte("x")); !errors.Is(err, cm.ErrReaderGone) {
		t.Error(err)
	}
	r.Close()
	<-ended
}

// TestLittleRoom: what there is no room for in large pieces goes in small ones, and nothing stays charged.
func TestLittleRoom(t *testing.T) {
	a := cm.NewAccount(2 * Held)
	ctx := context.WithValue(t.Context(), cm.AccountKey(), a)
	var g Group
	fed, r := cm.NewStream[uint8]()
	text := bytes.Repeat([]byte("0123456789"), bufferSize)
	src := bytes.NewReader(text)
	var got bytes.Buffer
	ended := make(chan error, 2)
	end := func(_ context.Context, err error) { ended <- err }
	if err := (Scope{&g, ctx}).Feed(fed, SourceFunc(func(_ context.Context, p []byte) (int, error) { return src.Read(p) }), end); err != nil {
		t.Fatal(err)
	}
	if err := (Scope{&g, ctx}).Take(r, false, func(_ context.Context, p []byte) error { got.Write(p); return nil }, end); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for g.Len() > 0 {
		runtime.Gosched()
	}
	if !bytes.Equal(got.Bytes(), text) || a.Used() != 0 {
		t.Errorf("%d bytes of %d, %d charged", got.Len(), len(text), a.Used())
	}
}

// TestOutcome: errors are told, and nothing is.
func TestOutcome(t *testing.T) {
	for _, err := range []error{nil, errors.New("why")} {
		r, set := Outcome(error.Error)
		go set(t.Context(), err)
		got, failed := r.Await(t.Context())
		if failed != nil || got.IsErr != (err != nil) || err != nil && got.Err != "why" {
			t.Errorf("%+v, %v", got, failed)
		}
	}
	r, set := Outcome(error.Error)
	r.Close()
	set(t.Context(), nil)
}
