package wasi_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

var noHTTP wasihttp.ClientConfig

// input and output are streams of the test's own as resources.
func (g *guest) input(r io.Reader) *cm.Resource {
	return g.resource(iop2.InputStreamType, iop2.NewInputStream(wasiio.NewReader(r)))
}

func (g *guest) output(w io.Writer) *cm.Resource {
	return g.resource(iop2.OutputStreamType, iop2.NewOutputStream(wasiio.NewWriter(writeCloser{w})))
}

// failing is an output whose writes fail at once, with this error.
func (g *guest) failing(err error) *cm.Resource {
	return g.resource(iop2.OutputStreamType, iop2.NewOutputStream(wasiio.NewFuncWriter(func(context.Context, []byte) error { return err })))
}

func (g *guest) resource(t *cm.ResourceType, obj any) *cm.Resource {
	r := cm.NewResource(t, obj)
	g.given = append(g.given, r)
	return r
}

type writeCloser struct{ io.Writer }

func (writeCloser) Close() error { return nil }

// text reads a stream to its end.
func (g *guest) text(s *cm.Resource) string {
	g.t.Helper()
	var all []byte
	for {
		v, outcome, err := g.call(g.t.Context(), "io/streams#input-stream.blocking-read", s, 1000)
		switch outcome {
		case "ok":
			all = append(all, v.([]byte)...)
		case "closed":
			record(g.t, "io/streams#input-stream.blocking-read", outcome)
			return string(all)
		default:
			g.t.Fatalf("after %q: %v", all, err)
		}
	}
}

// ioError is the error resource of a failed stream.
func (g *guest) ioError(err error) *cm.Resource {
	g.t.Helper()
	var fail *cm.ResultError[any]
	if !errors.As(err, &fail) {
		g.t.Fatal(err)
	}
	r, ok := fail.Value.(cm.Variant).Value.(*cm.Resource)
	if !ok {
		g.t.Fatalf("no error in %v", fail.Value)
	}
	g.given = append(g.given, r)
	return r
}

func TestInputStream(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	s := g.input(strings.NewReader("hello, world"))
	p := g.res("io/streams#input-stream.subscribe", s)
	g.ok("io/poll#pollable.block", p)
	g.equal([]byte("hello"), "io/streams#input-stream.read", s, 5)
	g.equal(uint64(2), "io/streams#input-stream.skip", s, 2)
	g.equal([]byte("wo"), "io/streams#input-stream.blocking-read", s, 2)
	g.equal(uint64(3), "io/streams#input-stream.blocking-skip", s, 1<<40)
	g.fail("closed", "io/streams#input-stream.blocking-read", s, 1)
	g.fail("closed", "io/streams#input-stream.read", s, 1)
	g.fail("closed", "io/streams#input-stream.skip", s, 1)
	g.fail("closed", "io/streams#input-stream.blocking-skip", s, 1)
	g.equal(true, "io/poll#pollable.ready", p)
	g.drop(p, s)

	pr, pw := io.Pipe()
	defer pw.Close()
	open := g.input(pr)
	g.equal([]byte{}, "io/streams#input-stream.read", open, 10)
	g.equal(uint64(0), "io/streams#input-stream.skip", open, 10)
	q := g.res("io/streams#input-stream.subscribe", open)
	g.equal(false, "io/poll#pollable.ready", q)
	go pw.Write([]byte("late"))
	g.equal([]byte("late"), "io/streams#input-stream.blocking-read", open, 10)
	pw.CloseWithError(errors.New("the disk is on fire"))
	e := g.ioError(g.fail("last-operation-failed", "io/streams#input-stream.blocking-read", open, 10))
	g.equal("the disk is on fire", "io/error#error.to-debug-string", e)
	g.drop(e)
	for _, fn := range []string{"read", "skip", "blocking-skip"} {
		broken := g.input(brokenReader{})
		g.ok("io/poll#pollable.block", g.res("io/streams#input-stream.subscribe", broken))
		g.drop(g.ioError(g.fail("last-operation-failed", "io/streams#input-stream."+fn, broken, 10)))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// slowWriter takes a write only when told to.
type slowWriter struct {
	open chan struct{}
	got  strings.Builder
}

func (w *slowWriter) Write(p []byte) (int, error) {
	<-w.open
	return w.got.Write(p)
}

// TestBackPressure: check-write gives room until there is none, then 0 until the far end has taken something, and the
// pollable says when.
func TestBackPressure(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	w := &slowWriter{open: make(chan struct{})}
	s := g.output(w)
	p := g.res("io/streams#output-stream.subscribe", s)
	sent := uint64(0)
	for {
		n := g.ok("io/streams#output-stream.check-write", s).(uint64)
		if n == 0 {
			break
		}
		if sent += n; sent > 1<<24 {
			t.Fatal("16 MiB are taken and nobody reads")
		}
		g.ok("io/streams#output-stream.write", s, []byte(strings.Repeat("x", int(n))))
	}
	g.equal(false, "io/poll#pollable.ready", p)
	close(w.open)
	g.ok("io/poll#pollable.block", p)
	n := g.ok("io/streams#output-stream.check-write", s).(uint64)
	if n == 0 {
		t.Error("ready, and no room")
	}
	g.ok("io/streams#output-stream.write-zeroes", s, min(n, 3))
	g.ok("io/streams#output-stream.flush", s)
	g.ok("io/streams#output-stream.blocking-flush", s)
	if got := uint64(w.got.Len()); got != sent+min(n, 3) || !strings.HasSuffix(w.got.String(), "xx\x00\x00\x00"[2-min(2, sent):][:min(n, 3)+2]) {
		t.Errorf("%d bytes came, %d were sent", got, sent+min(n, 3))
	}
	g.drop(p, s)
}

func TestOutputStream(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	var b strings.Builder
	s := g.output(&b)
	g.ok("io/streams#output-stream.blocking-write-and-flush", s, []byte("abc"))
	g.ok("io/streams#output-stream.blocking-write-zeroes-and-flush", s, 2)
	src := g.input(strings.NewReader("0123456789"))
	g.ok("io/poll#pollable.block", g.res("io/streams#input-stream.subscribe", src))
	g.equal(uint64(4), "io/streams#output-stream.splice", s, src, 4)
	g.equal(uint64(6), "io/streams#output-stream.blocking-splice", s, src, 100)
	g.ok("io/streams#output-stream.blocking-flush", s)
	if b.String() != "abc\x00\x000123456789" {
		t.Errorf("%q was written", b.String())
	}
	g.fail("closed", "io/streams#output-stream.blocking-splice", s, src, 1)
	g.fail("closed", "io/streams#output-stream.splice", s, src, 1)

	why := errors.New("nobody reads")
	for _, fn := range []string{"blocking-write-and-flush", "blocking-write-zeroes-and-flush", "write", "write-zeroes"} {
		bad := g.failing(why)
		g.ok("io/streams#output-stream.check-write", bad)
		var arg any = uint64(1)
		if !strings.Contains(fn, "zeroes") {
			arg = []byte("x")
		}
		e := g.ioError(g.fail("last-operation-failed", "io/streams#output-stream."+fn, bad, arg))
		g.equal(why.Error(), "io/error#error.to-debug-string", e)
		g.fail("closed", "io/streams#output-stream.check-write", bad)
		g.fail("closed", "io/streams#output-stream.flush", bad)
		g.fail("closed", "io/streams#output-stream.blocking-flush", bad)
	}
}

// TestStreamMisuse: a guest that writes more than it may is trapped.
func TestStreamMisuse(t *testing.T) {
	first := serve(t, wasi.Config{}, noHTTP)
	for _, c := range []struct {
		fn   string
		args []any
	}{
		{"output-stream.write", []any{[]byte("unasked")}},
		{"output-stream.write-zeroes", []any{1}},
		{"output-stream.blocking-write-and-flush", []any{make([]byte, 4097)}},
		{"output-stream.blocking-write-zeroes-and-flush", []any{4097}},
	} {
		g := first.restart()
		g.fail("trap host-call-misuse", "io/streams#"+c.fn, append([]any{g.output(io.Discard)}, c.args...)...)
	}
	first.fail("trap host-call-misuse", "io/poll#poll", []*cm.Resource{})
}

func TestPoll(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	never := g.res("clocks/monotonic-clock#subscribe-instant", uint64(1<<63))
	soon := g.res("clocks/monotonic-clock#subscribe-duration", 1_000_000)
	now := g.res("clocks/monotonic-clock#subscribe-duration", 0)
	g.equal([]uint32{1}, "io/poll#poll", []*cm.Resource{never, now})
	g.equal([]uint32{0, 2}, "io/poll#poll", []*cm.Resource{now, never, now})
	g.equal([]uint32{0}, "io/poll#poll", []*cm.Resource{soon, never})
	g.equal(false, "io/poll#pollable.ready", never)
	g.equal(true, "io/poll#pollable.ready", now)
	g.ok("io/poll#pollable.block", now)
	g.drop(never, soon, now)

	ctx, cancel := context.WithCancel(t.Context())
	waiting := g.restart()
	p := waiting.res("clocks/monotonic-clock#subscribe-instant", uint64(1<<63))
	waiting.seen.entered = func(name string) {
		if strings.HasPrefix(name, "wasi:io/poll") {
			go cancel() // not before: what is cancelled in guest code never gets here
		}
	}
	if _, outcome, err := waiting.call(ctx, "io/poll#pollable.block", p); outcome != "trap cancelled" {
		t.Errorf("a wait whose caller has gone: %v", err)
	}
}
