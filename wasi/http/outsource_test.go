package http

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
)

// script is a BodySource that gives what it is told to.
type script struct {
	parts    []string
	trailers *Fields
	end      error         // behind the parts; nil: io.EOF
	block    chan struct{} // the reads wait for it, or for the end of their context; nil: they do not
	deaf     bool          // to that end
	late     bool          // the trailers are not there yet
	ended    []error
}

func (s *script) Read(ctx context.Context, p []byte) (int, error) {
	if s.block != nil {
		done := ctx.Done()
		if s.deaf {
			done = nil
		}
		select {
		case <-s.block:
		case <-done:
			return 0, context.Cause(ctx)
		}
	}
	if len(s.parts) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

func (s *script) Ready() bool                               { return !s.late }
func (s *script) Trailers(context.Context) (*Fields, error) { return s.trailers, nil }
func (s *script) End(err error)                             { s.ended = append(s.ended, err) }

// TestSource: a body from a source is what that gives, as long as its headers say; the source is told how it ended, once.
func TestSource(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		src    script
		length string
		most   uint64
		want   string
		code   Code // of the error; 0: none, unless src.end is one
	}{
		"whole":     {src: script{parts: []string{"a", "", "bc"}}, want: "abc"},
		"declared":  {src: script{parts: []string{"a", "bc"}}, length: "3", want: "abc"},
		"short":     {src: script{parts: []string{"a"}}, length: "3", want: "a", code: ResponseBodySize},
		"long":      {src: script{parts: []string{"abc", "d"}}, length: "3", want: "abc", code: ResponseBodySize},
		"too large": {src: script{parts: []string{"abc", "d"}}, most: 3, want: "abc", code: ResponseBodySize},
		"broken":    {src: script{parts: []string{"abc"}, end: broken}, want: "abc"},
	} {
		h := Limits{}.NewFields()
		if c.length != "" {
			if err := h.Append("content-length", c.length); err != nil {
				t.Fatal(err)
			}
		}
		r := NewOutgoingResponse(h)
		r.LimitBody(c.most)
		b := r.Body()
		b.From(&c.src)
		got, err := io.ReadAll(b)
		var known *Error
		switch {
		case string(got) != c.want:
			t.Errorf("%s: %q, %v", name, got, err)
		case c.code != 0 && (!errors.As(err, &known) || known.Code != c.code):
			t.Errorf("%s: %v", name, err)
		case c.code == 0 && !errors.Is(err, c.src.end):
			t.Errorf("%s: %v", name, err)
		}
		_ = b.Close()
		if len(c.src.ended) != 1 || !errors.Is(c.src.ended[0], err) {
			t.Errorf("%s: told %v, want %v", name, c.src.ended, err)
		}
	}
}

// TestSourceTrailers: a reader has a chance to do something before it waits for the trailers.
func TestSourceTrailers(t *testing.T) {
	r := NewOutgoingResponse(Limits{}.NewFields())
	src := &script{trailers: Limits{}.NewFields(), late: true}
	b := r.Body()
	b.From(src)
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != nil || b.Readable() {
		t.Errorf("%d, %v, readable %t", n, err, b.Readable())
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF || b.Trailers() != src.trailers {
		t.Error(err)
	}
}

type interrupter func()

func (f interrupter) Interrupt() { f() }

// TestSourceEnded: a read that is under way ends with the body, whoever ends that and whether the source hears of it.
func TestSourceEnded(t *testing.T) {
	why := errors.New("why")
	for name, end := range map[string]func(*OutgoingBody){
		"aborted": func(b *OutgoingBody) { b.Abort(why) },
		"closed":  func(b *OutgoingBody) { b.Disconnect(why) },
	} {
		for _, deaf := range []bool{false, true} {
			r := NewOutgoingResponse(Limits{}.NewFields())
			src := &script{block: make(chan struct{}), deaf: deaf}
			b := r.Body()
			b.From(src)
			interrupted := 0
			b.Interrupted(interrupter(func() {
				interrupted++
				if deaf {
					close(src.block)
				}
			}))
			done := make(chan error)
			go func() {
				_, err := b.Read(make([]byte, 1))
				done <- err
			}()
			for reading := false; !reading; {
				b.mu.Lock()
				reading = b.from.reading
				b.mu.Unlock()
			}
			end(b)
			if err := <-done; err != why || interrupted != 1 || len(src.ended) != 1 || src.ended[0] != why {
				t.Errorf("%s: %v, interrupted %d times, told %v", name, err, interrupted, src.ended)
			}
			end(b)
			if len(src.ended) != 1 {
				t.Errorf("%s: told %v", name, src.ended)
			}
		}
	}
	b := NewOutgoingResponse(Limits{}.NewFields()).Body()
	b.Abort(why)
	src := &script{}
	if b.From(src); len(src.ended) != 1 || src.ended[0] != why {
		t.Errorf("a body that has ended: told %v", src.ended)
	}
}

// TestSourceTooLong: net/http's client asks for the declared bytes and no more. A source that has more is found out before it gets the last
// of them, also where they are many.
func TestSourceTooLong(t *testing.T) {
	for _, declared := range []int{1, 3, mostCopied, 100_000} {
		h := Limits{}.NewFields()
		if err := h.Append("content-length", strconv.Itoa(declared)); err != nil {
			t.Fatal(err)
		}
		b := NewOutgoingResponse(h).Body()
		b.From(&stream{strings.NewReader(strings.Repeat("x", declared+1))})
		n, err := io.Copy(io.Discard, io.LimitReader(b, int64(declared)))
		var known *Error
		if !errors.As(err, &known) || known.Code != ResponseBodySize || n >= int64(declared) {
			t.Errorf("of %d bytes declared %d were sent: %v", declared, n, err)
		}
		_ = b.Close()
	}
}

// stream is a BodySource without trailers.
type stream struct{ *strings.Reader }

func (s *stream) Read(_ context.Context, p []byte) (int, error) { return s.Reader.Read(p) }
func (*stream) Ready() bool                                     { return true }
func (*stream) Trailers(context.Context) (*Fields, error)       { return nil, nil }
func (*stream) End(error)                                       {}
