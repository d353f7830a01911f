package http

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func body(t *testing.T, fields ...string) *OutgoingBody {
	f := NewFields()
	for i := 0; i < len(fields); i += 2 {
		if err := f.Append(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return newOutgoingBody(f, RequestBodySize, 0)
}

func TestBodyBackPressure(t *testing.T) {
	ctx := t.Context()
	b := body(t)
	w := b.Stream()
	if n, err := w.CheckWrite(ctx); n != outBuffer || err != nil {
		t.Fatalf("an empty body takes %d, %v", n, err)
	}
	if err := w.Write(ctx, make([]byte, outBuffer)); err != nil {
		t.Fatal(err)
	}
	if n, _ := w.CheckWrite(ctx); n != 0 || w.Ready() {
		t.Errorf("a full body takes %d", n)
	}
	wake := make(chan struct{}, 1)
	defer w.Watch(wake)()
	if n, err := b.Read(make([]byte, 100)); n != 100 || err != nil {
		t.Fatal(n, err)
	}
	<-wake
	if n, _ := w.CheckWrite(ctx); n != 100 {
		t.Errorf("after 100 bytes were read it takes %d", n)
	}
}

// TestBodyFlush: a flush waits for the network if the buffer is large, and not if it is small.
func TestBodyFlush(t *testing.T) {
	ctx := t.Context()
	b := body(t)
	w := b.Stream()
	_ = w.Write(ctx, make([]byte, outFlushed+100))
	if err := w.Flush(ctx); err != nil || !w.Ready() {
		t.Errorf("a flush waits though nobody reads yet: %v", err)
	}
	b.Attach(false)
	if err := w.Flush(ctx); err != nil || w.Ready() {
		t.Errorf("a flush is done though nothing was read: %v", err)
	}
	for _, n := range []int{99, 1} {
		if n, _ := w.CheckWrite(ctx); n != 0 {
			t.Errorf("%d bytes can be written during a flush", n)
		}
		if got, err := b.Read(make([]byte, n)); got != n || err != nil {
			t.Fatal(got, err)
		}
	}
	if err := wasiio.Wait(ctx, w); err != nil {
		t.Error(err)
	}
	if err := w.Flush(ctx); err != nil || !w.Ready() {
		t.Errorf("a flush of what may stay waits: %v", err)
	}
	_ = b.Finish(nil)
}

func TestBodyEnds(t *testing.T) {
	ctx := t.Context()
	gone := errors.New("gone")
	trailers := NewFields()
	for name, c := range map[string]struct {
		length  string
		write   string
		end     func(b *OutgoingBody) error
		finish  Code // of Finish's error; InternalError+1: none
		read    string
		readErr error
	}{
		"finished":  {write: "abc", end: func(b *OutgoingBody) error { return b.Finish(trailers) }, finish: InternalError + 1, read: "abc", readErr: io.EOF},
		"exact":     {length: "3", write: "abc", end: func(b *OutgoingBody) error { return b.Finish(nil) }, finish: InternalError + 1, read: "abc", readErr: io.EOF},
		"short":     {length: "4", write: "abc", end: func(b *OutgoingBody) error { return b.Finish(nil) }, finish: RequestBodySize, read: "abc"},
		"aborted":   {write: "abc", end: func(b *OutgoingBody) error { b.Abort(gone); return nil }, finish: InternalError + 1, read: "abc", readErr: gone},
		"no reader": {write: "abc", end: func(b *OutgoingBody) error { b.Disconnect(gone); return b.Finish(nil) }, finish: InternalError + 1, readErr: gone},
	} {
		t.Run(name, func(t *testing.T) {
			b := body(t)
			if c.length != "" {
				b = body(t, "content-length", c.length)
			}
			w := b.Stream()
			if err := w.Write(ctx, []byte(c.write)); err != nil {
				t.Fatal(err)
			}
			err := c.end(b)
			var e *Error
			if errors.As(err, &e) != (c.finish <= InternalError) || e != nil && e.Code != c.finish {
				t.Errorf("ends with %v", err)
			}
			if b.Finish(nil); b.Trailers() != nil && name != "finished" {
				t.Error("it can be finished twice")
			}
			got, err := io.ReadAll(eof{b, &c.readErr})
			if string(got) != c.read || err != nil {
				t.Errorf("reads %q, %v", got, err)
			}
		})
	}
}

// eof reads until the wanted error (any, if none is wanted), and records it.
type eof struct {
	io.Reader
	want *error
}

func (r eof) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && (*r.want == nil || errors.Is(err, *r.want)) {
		return n, io.EOF
	}
	return n, err
}

func TestBodyTooLong(t *testing.T) {
	ctx := context.Background()
	b := body(t, "content-length", "3")
	w := b.Stream()
	err := w.Write(ctx, []byte("abcd"))
	var e *Error
	if !errors.As(err, &e) || e.Code != RequestBodySize {
		t.Errorf("write: %v", err)
	}
	if _, err := w.CheckWrite(ctx); err != io.EOF {
		t.Errorf("then: %v", err)
	}
	if err := b.Finish(nil); !errors.As(err, &e) || e.Code != RequestBodySize {
		t.Errorf("finish: %v", err)
	}
	if n, err := b.Read(make([]byte, 10)); n != 0 || err == io.EOF {
		t.Errorf("read %d, %v: want it broken off", n, err)
	}
}

func TestBodyReaderDisconnects(t *testing.T) {
	ctx := context.Background()
	b := body(t)
	w := b.Stream()
	b.Close()
	var e *Error
	if _, err := w.CheckWrite(ctx); !errors.As(err, &e) || e.Code != ConnectionTerminated || !w.Ready() {
		t.Errorf("first: %v", err)
	}
	if err := w.Write(ctx, []byte("x")); err != io.EOF {
		t.Errorf("then: %v", err)
	}
}

func TestBodyReusesItsBuffer(t *testing.T) {
	ctx := context.Background()
	b := body(t)
	w := b.Stream()
	chunk := []byte(strings.Repeat("x", 1000))
	p := make([]byte, 900)
	for range 10000 { // the reader is always a little behind
		if n, _ := w.CheckWrite(ctx); n >= 1000 {
			if err := w.Write(ctx, chunk); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	if c := cap(b.buf); c > 4*outBuffer {
		t.Errorf("the buffer has grown to %d", c)
	}
}

func TestBodyLimit(t *testing.T) {
	ctx := context.Background()
	r := NewOutgoingResponse(NewFields())
	r.LimitBody(5)
	w := r.Body().Stream()
	if err := w.Write(ctx, []byte("12345")); err != nil {
		t.Fatal(err)
	}
	err := w.Write(ctx, []byte("6"))
	var e *Error
	if !errors.As(err, &e) || e.Code != ResponseBodySize || *e.Number != 5 {
		t.Errorf("write: %v", err)
	}
	if err := r.Body().Finish(nil); !errors.As(err, &e) || e.Code != ResponseBodySize {
		t.Errorf("finish: %v", err)
	}
	got := make([]byte, 10)
	if n, err := r.Body().Read(got); string(got[:n]) != "12345" || err != nil {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if _, err := r.Body().Read(got); !errors.As(err, &e) {
		t.Errorf("then %v: want it broken off", err)
	}
}
