package cm

import (
	"context"
	"errors"
	"io"
	"testing"
)

// letters is an Origin of three bytes that tells what it was asked.
type letters struct {
	w     *StreamWriter[uint8]
	left  string
	asked []string
}

func (l *letters) Write()      { l.asked = append(l.asked, "write") }
func (l *letters) Take()       { l.asked = append(l.asked, "take") }
func (l *letters) Gone()       { l.asked = append(l.asked, "gone") }
func (l *letters) Close()      { l.asked = append(l.asked, "close") }
func (l *letters) Ready() bool { return l.left != "" }

func (l *letters) Read(_ context.Context, p []byte) (int, error) {
	if l.left == "" {
		return 0, io.EOF
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// TestOrigin: the host reads what it makes itself, and others have it written to them.
func TestOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(*letters, *StreamReader[uint8])
		want []string
	}{
		"the host": {func(_ *letters, r *StreamReader[uint8]) {
			r.Last(func(error) {})
			got, err := io.ReadAll(ReadStream(t.Context(), r))
			if string(got) != "abc" || err != nil || r.Items() != 3 {
				t.Errorf("%q, %v, %d items", got, err, r.Items())
			}
			_ = r.Close()
		}, []string{"take", "close"}},
		"the host, which may pass it on": {func(l *letters, r *StreamReader[uint8]) {
			go func() {
				_, _ = l.w.Write(t.Context(), []byte("x"))
				_ = l.w.Close()
			}()
			got, err := io.ReadAll(ReadStream(t.Context(), r))
			if string(got) != "x" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}, []string{"write"}},
		"nobody":              {func(_ *letters, r *StreamReader[uint8]) { _ = r.Close(); _ = r.Close() }, []string{"gone"}},
		"nobody, as it ended": {func(l *letters, r *StreamReader[uint8]) { _ = l.w.Close(); _ = r.Close() }, nil},
	} {
		w, r := NewStream[uint8]()
		l := &letters{w: w, left: "abc"}
		if r.Ready() {
			t.Errorf("%s: ready before anybody writes", name)
		}
		if w.Offer(l); !r.Ready() {
			t.Errorf("%s: not ready", name)
		}
		c.use(l, r)
		if len(l.asked) != len(c.want) {
			t.Fatalf("%s: asked %q, want %q", name, l.asked, c.want)
		}
		for i := range c.want {
			if l.asked[i] != c.want[i] {
				t.Errorf("%s: asked %q, want %q", name, l.asked, c.want)
			}
		}
	}
	w, r := NewStream[uint8]()
	_ = r.Close()
	l := &letters{}
	if w.Offer(l); len(l.asked) != 1 || l.asked[0] != "gone" {
		t.Errorf("an offer to nobody: %q", l.asked)
	}
}

// TestReady: a stream is ready while there is something to read, and at its end.
func TestReady(t *testing.T) {
	w, r := NewStream[uint8]()
	s := &slice[uint8]{ts: []byte("ab"), c: w.c}
	if err := w.c.Write(nil, s, waiting{}); err != nil || !r.Ready() {
		t.Error("not ready with two bytes", err)
	}
	if n, err := r.Read(t.Context(), make([]byte, 1)); n != 1 || err != nil || !r.Ready() {
		t.Error("not ready with a byte left", n, err)
	}
	if n, err := r.Read(t.Context(), make([]byte, 1)); n != 1 || err != nil || r.Ready() {
		t.Error("ready with nothing left", n, err)
	}
	w.c.Reclaim()
	if err := w.c.Write(nil, &slice[uint8]{c: w.c}, waiting{}); err != nil || r.Ready() {
		t.Error("ready with nothing written", err)
	}
	if _ = w.Close(); !r.Ready() {
		t.Error("not ready at its end")
	}
}

// waiting is a Party that takes its buffer back later, as a guest does.
type waiting struct{}

func (waiting) Copied()         {}
func (waiting) Done(CopyResult) {}

// TestLeave: a value that nobody waits for is there when it is wanted, and gone with the reader.
func TestLeave(t *testing.T) {
	w, r := NewFuture[int]()
	if r.Ready() {
		t.Error("ready without a value")
	}
	if w.Leave(7); !r.Ready() {
		t.Error("not ready")
	}
	if v, err := r.Await(t.Context()); v != 7 || err != nil {
		t.Error(v, err)
	}
	w, r = NewFuture[int]()
	got := make(chan int)
	go func() { v, _ := r.Await(context.Background()); got <- v }()
	w.Leave(8)
	if v := <-got; v != 8 {
		t.Error(v)
	}
	w, r = NewFuture[int]()
	_ = r.Close()
	w.Leave(9)
	if err := w.Set(t.Context(), 10); !errors.Is(err, ErrReaderGone) {
		t.Error(err)
	}
}
