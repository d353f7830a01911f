package iop2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// outcome tells how a call ended as a guest sees it.
func outcome(err error) string {
	var e *cm.ResultError[StreamError]
	var trap *cm.Trap
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &trap):
		return "trap " + string(trap.Code)
	case !errors.As(err, &e):
		return "host error: " + err.Error()
	case e.Value.Tag == StreamErrorTagClosed:
		return "closed"
	}
	s, _ := e.Value.LastOperationFailed.ToDebugString(context.Background())
	return "failed: " + s
}

func want(t *testing.T, what string, err error, wanted string) {
	t.Helper()
	if got := outcome(err); got != wanted {
		t.Errorf("%s: %s, want %s", what, got, wanted)
	}
}

func source(text string) *Input { return NewInputStream(wasiio.NewReader(strings.NewReader(text))) }

func sink() (*Output, *bytes.Buffer) {
	var b bytes.Buffer
	return NewOutputStream(wasiio.NewFuncWriter(func(_ context.Context, p []byte) error { b.Write(p); return nil })), &b
}

func TestInput(t *testing.T) {
	ctx := t.Context()
	s := source("hello world")
	b, err := s.BlockingRead(ctx, 5)
	want(t, "blocking-read", err, "ok")
	if string(b) != "hello" {
		t.Errorf("%q", b)
	}
	if n, err := s.Skip(ctx, 1); n != 1 || err != nil {
		t.Error(n, err)
	}
	if b, err := s.Read(ctx, 1<<63); string(b) != "world" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	_, err = s.BlockingSkip(ctx, 9)
	want(t, "the end", err, "closed")
	_, err = s.Read(ctx, 0)
	want(t, "nothing of a stream that has ended", err, "closed")
	s.Drop(ctx)
	_, err = s.Read(ctx, 1)
	want(t, "dropped", err, "closed")

	open := NewInputStream(wasiio.NewReader(blockedReader{}))
	if b, err := open.Read(ctx, 0); len(b) != 0 || err != nil {
		t.Errorf("nothing of an open stream: %q %v", b, err)
	}
	p, _ := open.Subscribe(ctx)
	if ready, _ := p.Ready(ctx); ready {
		t.Error("ready with nothing there")
	}
	gone := errors.New("the caller is gone")
	dead, cancel := context.WithCancelCause(ctx)
	cancel(gone)
	_, err = open.BlockingRead(dead, 1)
	want(t, "interrupted", err, "host error: the caller is gone")
	want(t, "block interrupted", p.Block(dead), "host error: the caller is gone")
}

// blockedReader blocks for ever.
type blockedReader struct{}

func (blockedReader) Read([]byte) (int, error) { select {} }

func TestErrorsCanBeDowncast(t *testing.T) {
	cause := errors.New("disk on fire")
	s := NewInputStream(wasiio.NewFuncReader(func([]byte) (int, error) { return 0, cause }))
	_, err := s.Read(t.Context(), 1)
	want(t, "read", err, "failed: disk on fire")
	var e *cm.ResultError[StreamError]
	if !errors.As(err, &e) || Cause(e.Value.LastOperationFailed) != cause {
		t.Error("the cause is lost")
	}
	_, err = s.Read(t.Context(), 1)
	want(t, "again", err, "closed")
	if Cause(nil) != nil {
		t.Error("a cause out of nothing")
	}
}

func TestPermits(t *testing.T) {
	ctx := t.Context()
	out, b := sink()
	want(t, "write unasked", out.Write(ctx, []byte("x")), "trap host-call-misuse")
	want(t, "zeroes unasked", out.WriteZeroes(ctx, 1), "trap host-call-misuse")
	want(t, "nothing unasked", out.Write(ctx, nil), "ok")
	n, err := out.CheckWrite(ctx)
	if n == 0 || err != nil {
		t.Fatal(n, err)
	}
	want(t, "more than permitted", out.WriteZeroes(ctx, n+1), "trap host-call-misuse")
	want(t, "half", out.Write(ctx, make([]byte, n/2)), "ok")
	want(t, "other half", out.WriteZeroes(ctx, n-n/2), "ok")
	want(t, "beyond", out.Write(ctx, []byte("x")), "trap host-call-misuse")
	want(t, "flush", out.Flush(ctx), "ok")
	want(t, "blocking-flush", out.BlockingFlush(ctx), "ok")
	want(t, "4096", out.BlockingWriteAndFlush(ctx, make([]byte, 4096)), "ok")
	want(t, "4096 zeroes", out.BlockingWriteZeroesAndFlush(ctx, 4096), "ok")
	want(t, "4097", out.BlockingWriteAndFlush(ctx, make([]byte, 4097)), "trap host-call-misuse")
	want(t, "4097 zeroes", out.BlockingWriteZeroesAndFlush(ctx, 4097), "trap host-call-misuse")
	if uint64(b.Len()) != n+8192 || len(bytes.Trim(b.Bytes(), "\x00")) > 0 {
		t.Errorf("%d bytes written", b.Len())
	}
	out.Drop(ctx)
	_, err = out.CheckWrite(ctx)
	want(t, "dropped", err, "closed")
}

func TestSplices(t *testing.T) {
	ctx := t.Context()
	out, b := sink()
	text := strings.Repeat("0123456789", 20_000)
	src := source(text)
	for {
		n, err := out.BlockingSplice(ctx, src, 1<<40)
		if err != nil {
			want(t, "the end", err, "closed")
			break
		}
		if n == 0 {
			t.Fatal("a blocking splice of nothing")
		}
	}
	if b.String() != text {
		t.Errorf("%d of %d bytes", b.Len(), len(text))
	}
	if n, err := out.Splice(ctx, NewInputStream(wasiio.NewReader(blockedReader{})), 5); n != 0 || err != nil {
		t.Errorf("nothing there: %d, %v", n, err)
	}
	_, err := out.Splice(ctx, nil, 5)
	want(t, "no stream of ours", err, "trap host-call-misuse")
	bad := NewOutputStream(wasiio.NewFuncWriter(func(context.Context, []byte) error { return io.ErrClosedPipe }))
	src = source("x")
	wasiio.Wait(ctx, src.Stream)
	_, err = bad.Splice(ctx, src, 5)
	want(t, "writer fails", err, "failed: "+io.ErrClosedPipe.Error())
	_, err = bad.BlockingSplice(ctx, src, 5)
	want(t, "writer closed", err, "closed")
	src = source("x")
	wasiio.Wait(ctx, src.Stream)
	gone := NewOutputStream(wasiio.NewFuncWriter(func(context.Context, []byte) error { return wasiio.ErrReaderGone }))
	_, err = gone.BlockingSplice(ctx, src, 5)
	want(t, "nobody reads", err, "closed")
	late := NewOutputStream(wasiio.NewWriter(deaf{}))
	want(t, "nobody reads, behind a buffer", late.BlockingWriteAndFlush(ctx, []byte("x")), "closed")
}

// deaf is a pipe without a reader.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, wasiio.ErrReaderGone }

func TestPoll(t *testing.T) {
	ctx := t.Context()
	var f wasiio.Flag
	got, err := poller{}.Poll(ctx, []Pollable{NewPollable(&f), NewPollable(wasiio.Always())})
	if err != nil || len(got) != 1 || got[0] != 1 {
		t.Error(got, err)
	}
	_, err = poller{}.Poll(ctx, nil)
	want(t, "empty list", err, "trap host-call-misuse")
	go f.Set()
	if err := NewPollable(&f).Block(ctx); err != nil {
		t.Error(err)
	}
}
