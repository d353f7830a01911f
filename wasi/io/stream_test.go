package wasiio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestReaderReadsNothingUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &counting{r: strings.NewReader(strings.Repeat("x", 1<<20))}
		r := NewReader(src)
		synctest.Wait()
		if src.n != 0 {
			t.Fatalf("read %d bytes before anybody asked", src.n)
		}
		if r.Ready() {
			t.Fatal("ready before the source was asked")
		}
		synctest.Wait()
		if !r.Ready() || src.n > maxReadBuffer {
			t.Fatalf("ready %v, %d bytes ahead", r.Ready(), src.n)
		}
	})
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestReaderDeliversAllThenEnd(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 30_000)
	r := NewReader(bytes.NewReader(want))
	var got []byte
	buf := make([]byte, 7000)
	for {
		n, err := BlockingRead(t.Context(), r, buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil || n == 0 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, want %d", len(got), len(want))
	}
	if _, err := r.Read(t.Context(), buf); err != io.EOF {
		t.Fatalf("after the end: %v", err)
	}
}

func TestReaderReportsAnErrorOnce(t *testing.T) {
	bad := errors.New("cable pulled")
	r := NewReader(io.MultiReader(strings.NewReader("ab"), errReader{bad}))
	buf := make([]byte, 8)
	if n, err := BlockingRead(t.Context(), r, buf); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := BlockingRead(t.Context(), r, buf); err != bad {
		t.Fatalf("got %v", err)
	}
	if _, err := BlockingRead(t.Context(), r, buf); err != io.EOF {
		t.Fatalf("again: %v", err)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestReaderWithNothingThere(t *testing.T) {
	pr, pw := io.Pipe()
	r := NewReader(pr)
	if n, err := r.Read(t.Context(), make([]byte, 8)); n != 0 || err != nil {
		t.Fatalf("read: %d, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stop *Interrupted
	if _, err := BlockingRead(ctx, r, make([]byte, 8)); !errors.As(err, &stop) {
		t.Fatalf("blocking read with a dead context: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pw.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Fatalf("closing the stream leaves the source open: %v", err)
	}
	if _, err := r.Read(t.Context(), make([]byte, 8)); err != io.EOF {
		t.Fatalf("after close: %v", err)
	}
}

func TestWriterHoldsBackWhoWrites(t *testing.T) {
	pr, pw := io.Pipe()
	w := NewWriter(pw)
	sent := 0
	for {
		n, err := w.CheckWrite(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		k := min(n, 10_000)
		if err := w.Write(t.Context(), make([]byte, k)); err != nil {
			t.Fatal(err)
		}
		sent += int(k)
	}
	if sent != WriteBuffer {
		t.Fatalf("took %d bytes with nobody reading, want %d", sent, WriteBuffer)
	}
	if w.Ready() {
		t.Fatal("ready without room")
	}
	done := make(chan []byte)
	go func() { b, _ := io.ReadAll(pr); done <- b }()
	if err := WriteAndFlush(t.Context(), w, []byte("end")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b := <-done; len(b) != sent+3 || string(b[sent:]) != "end" {
		t.Fatalf("read %d bytes", len(b))
	}
}

func TestWriterKeepsItsWordAfterClose(t *testing.T) {
	pr, pw := io.Pipe()
	w := NewWriter(pw)
	if err := w.Write(t.Context(), []byte("late")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := w.CheckWrite(t.Context()); err != io.EOF {
		t.Fatalf("closed stream: %v", err)
	}
	b, err := io.ReadAll(pr) // ends because the destination is closed after the last byte
	if string(b) != "late" || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type flushing struct {
	mu   sync.Mutex
	log  []string
	fail error
}

func (f *flushing) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, string(p))
	if f.fail != nil {
		return 0, f.fail
	}
	return len(p), nil
}

func (f *flushing) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, "FLUSH")
	return nil
}

func TestWriterPassesFlushesOn(t *testing.T) {
	f := &flushing{}
	w := NewWriter(f)
	for _, s := range []string{"a", "b"} {
		if err := WriteAndFlush(t.Context(), w, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.log, " "); got != "a FLUSH b FLUSH" {
		t.Fatal(got)
	}
}

func TestWriterReportsAnErrorOnce(t *testing.T) {
	f := &flushing{fail: errors.New("peer gone")}
	w := NewWriter(f)
	if err := WriteAndFlush(t.Context(), w, []byte("a")); err != f.fail {
		t.Fatalf("first: %v", err)
	}
	if err := w.Write(t.Context(), []byte("b")); err != io.EOF {
		t.Fatalf("second: %v", err)
	}
	if err := w.Drain(t.Context()); err != f.fail {
		t.Fatalf("drain: %v", err)
	}
}

func TestFuncWriterSeesTheContextOfTheWrite(t *testing.T) {
	type key struct{}
	var got []any
	w := NewFuncWriter(func(ctx context.Context, p []byte) error {
		got = append(got, ctx.Value(key{}), string(p))
		return nil
	})
	for i, s := range []string{"x", "y"} {
		if err := w.Write(context.WithValue(t.Context(), key{}, i), []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 4 || got[0] != 0 || got[1] != "x" || got[2] != 1 || got[3] != "y" {
		t.Fatal(got)
	}
	w.Close()
	if err := w.Write(t.Context(), nil); err != io.EOF {
		t.Fatal(err)
	}
}

func TestSplice(t *testing.T) {
	var out bytes.Buffer
	dst := NewFuncWriter(func(_ context.Context, p []byte) error { out.Write(p); return nil })
	rest := []byte("hello world")
	src := NewFuncReader(func(p []byte) (int, error) {
		n := copy(p, rest)
		rest = rest[n:]
		return n, nil
	})
	buf := make([]byte, 100)
	for _, step := range []struct {
		n    uint64
		want uint64
		err  error
	}{{5, 5, nil}, {0, 0, nil}, {100, 6, nil}, {1, 0, io.EOF}} {
		if n, err := Splice(t.Context(), dst, src, buf, step.n); n != step.want || err != step.err {
			t.Fatalf("splice %d: %d, %v", step.n, n, err)
		}
	}
	if out.String() != "hello world" {
		t.Fatal(out.String())
	}
}
