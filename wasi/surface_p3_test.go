package wasi_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/wasi"
	clip3 "github.com/vitrine-wasm/vitrine/wasi/cli/p3"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/wit"
)

var valuesID = wit.MustParseID("surface:values/streams")

func serve3(t *testing.T, cfg wasi.Config, client wasihttp.ClientConfig) *guest {
	t.Helper()
	return serveOf(t, surface.P3, cfg, client)
}

// give has the guest make a stream or future that it writes while others call it.
func (g *guest) give(name string, values any) any {
	g.t.Helper()
	f, err := g.inst.Func(valuesID, name)
	if err != nil {
		g.t.Fatal(err)
	}
	list, err := cm.FromGo(f.Type().Params[0].Type, values)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := f.Start(g.t.Context(), list)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := r.Wait(context.Background()); err != nil {
			g.t.Errorf("%s: %v", name, err)
		}
	})
	v, err := r.Result(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	given, err := cm.ToGo(f.Type().Result, v)
	if err != nil {
		g.t.Fatal(err)
	}
	return given
}

// take has the guest read a stream to its end, or so many elements.
func (g *guest) take(name string, from any, most int) any {
	g.t.Helper()
	v, err := g.inst.Call(g.t.Context(), "surface:values/streams#"+name, from, most)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	g.keep(reflect.ValueOf(v))
	return v
}

// await has the guest read a future: "ok", or the name of the error. It is recorded with the function that the future is of.
func (g *guest) await(want, fn, name string, from any) any {
	g.t.Helper()
	v, err := g.inst.Call(g.t.Context(), "surface:values/streams#"+name, from)
	return g.ended(want, fn, v, err)
}

func (g *guest) ended(want, fn string, v any, err error) any {
	g.t.Helper()
	outcome, _ := outcomeOf(err)
	if outcome != want {
		g.t.Fatalf("what %s gave ended with %s (%v, %v), want %s", fn, outcome, v, err, want)
	}
	if want != "ok" {
		want = "ended " + want
	}
	g.record(fn, want)
	g.keep(reflect.ValueOf(v))
	return v
}

// wait is await by the host.
func (g *guest) wait(want, fn string, from any) {
	g.t.Helper()
	v, err := from.(*cm.FutureReader[any]).Await(g.t.Context())
	if err != nil {
		g.t.Fatalf("%s: %v", fn, err)
	}
	if c := v.(cm.Variant); c.Case == "error" {
		err = &cm.ResultError[any]{Value: c.Value}
	}
	g.ended(want, fn, nil, err)
}

// pair is a call that gives a stream and a future.
func (g *guest) pair(fn string, args ...any) (stream, future any) {
	g.t.Helper()
	p := g.ok(fn, args...).([]any)
	return p[0], p[1]
}

// bytes is a stream of the host's with a text.
func (g *guest) bytes(text string) *cm.StreamReader[uint8] {
	w, r := cm.NewStream[uint8]()
	go func() {
		_, _ = io.WriteString(cm.WriteStream(context.Background(), w), text)
		_ = w.Close()
	}()
	return r
}

// future is a future of the host's with a value.
func (g *guest) future(v any) *cm.FutureReader[any] {
	w, r := cm.NewFuture[any]()
	go func() { _ = w.Set(context.Background(), v) }()
	return r
}

func (g *guest) text3(stream any) string {
	g.t.Helper()
	b, err := io.ReadAll(cm.ReadStream(g.t.Context(), stream.(*cm.StreamReader[uint8])))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// TestEnvironment3, and what follows, call WASI 0.3 as the tests of the same names call 0.2.
func TestEnvironment3(t *testing.T) {
	g := serve3(t, wasi.Config{Args: []string{"me", "a b", ""}, Env: []wasi.KV{{Name: "Z", Value: "1"}, {Name: "A", Value: "ü="}}, Cwd: "/data"}, noHTTP)
	g.equal([]string{"me", "a b", ""}, "cli/environment#get-arguments")
	g.equal([][]any{{"Z", "1"}, {"A", "ü="}}, "cli/environment#get-environment")
	if cwd := g.ok("cli/environment#get-initial-cwd").(*string); *cwd != "/data" {
		t.Errorf("%q", *cwd)
	}
}

func TestStandardStreams3(t *testing.T) {
	const stdin, stdout, stderr = "cli/stdin#read-via-stream", "cli/stdout#write-via-stream", "cli/stderr#write-via-stream"
	var out, errs output
	g := serve3(t, wasi.Config{Stdin: strings.NewReader("typed\n"), Stdout: out.write, Stderr: errs.write}, noHTTP)
	in, ended := g.pair(stdin)
	if got := g.take("take-u8", in, 2); string(got.([]byte)) != "ty" {
		t.Errorf("%q", got)
	}
	g.await("ok", stdin, "await-cli", ended)
	in, ended = g.pair(stdin)
	if got := g.take("take-u8", in, 100); !strings.HasSuffix("ped\n", string(got.([]byte))) {
		t.Errorf("what is left of standard input is %q", got)
	}
	g.await("ok", stdin, "await-cli", ended)
	long := strings.Repeat("a line of output\n", 3000)
	g.wait("ok", stdout, g.ok(stdout, g.give("give-u8", []byte(long))))
	g.await("ok", stderr, "await-cli", g.ok(stderr, g.bytes("to err")))
	if out.String() != long || errs.String() != "to err" {
		t.Errorf("%d bytes, %q", len(out.String()), errs.String())
	}
	broken := serve3(t, wasi.Config{Stdout: func(context.Context, []byte) error { return errors.New("broken") }}, noHTTP)
	broken.wait("io", stdout, broken.ok(stdout, broken.give("give-u8", []byte("x"))))
}

func TestTerminals3(t *testing.T) {
	for _, on := range []bool{true, false} {
		g := serve3(t, wasi.Config{StdinTerminal: on, StdoutTerminal: on, StderrTerminal: on}, noHTTP)
		for _, s := range []string{"stdin", "stdout", "stderr"} {
			r := g.ok("cli/terminal-" + s + "#get-terminal-" + s).(**cm.Resource)
			if (r != nil) != on {
				t.Errorf("%s is a terminal: %v, want %v", s, r != nil, on)
			}
			if r != nil {
				g.drop(*r)
			}
		}
	}
}

func TestExit3(t *testing.T) {
	first := serve3(t, wasi.Config{}, noHTTP)
	first.restart().fail("exit 0", "cli/exit#exit", cm.OKResult[struct{}, struct{}](struct{}{}))
	first.restart().fail("exit 1", "cli/exit#exit", cm.ErrResult[struct{}](struct{}{}))
	first.restart().fail("exit 42", "cli/exit#exit-with-code", 42)
}

func TestRun3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	run, err := clip3.NewRunExport(g.inst)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"ok", "error"} {
		if _, err := g.inst.Call(t.Context(), "surface:cli/run#set-outcome", uint32(i)); err != nil {
			t.Fatal(err)
		}
		g.seen.take()
		err := run.Run(t.Context())
		var fail *cm.ResultError[struct{}]
		if (err != nil) != (want == "error") || err != nil && !errors.As(err, &fail) {
			t.Errorf("outcome %d: %v, want %s", i, err, want)
		}
		if seen := strings.Join(g.seen.take(), ", "); seen != "wasi:cli/run@0.3.0#run "+want {
			t.Errorf("what crossed the boundary is %q", seen)
		}
		g.record("cli/run#run", want)
	}
}

func TestClocks3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	if s := g.ok("clocks/system-clock#now").(map[string]any); s["seconds"].(int64) < 1_700_000_000 || s["nanoseconds"].(uint32) >= 1e9 {
		t.Errorf("the system's clock shows %v", s)
	}
	g.ok("clocks/system-clock#get-resolution")
	g.ok("clocks/monotonic-clock#get-resolution")
	a := g.ok("clocks/monotonic-clock#now").(uint64)
	g.ok("clocks/monotonic-clock#wait-for", 2_000_000)
	b := g.ok("clocks/monotonic-clock#now").(uint64)
	if b-a < 2_000_000 {
		t.Errorf("2 ms took %d ns", b-a)
	}
	g.ok("clocks/monotonic-clock#wait-until", b+1_000_000)
	if c := g.ok("clocks/monotonic-clock#now").(uint64); c < b+1_000_000 {
		t.Errorf("%d, and waited until %d", c, b+1_000_000)
	}
	zone := g.ok("clocks/timezone#iana-id").(*string)
	if name := g.ok("clocks/timezone#to-debug-string").(string); name == "" || zone != nil && *zone == "" {
		t.Errorf("the time zone is %q", name)
	}
	if off := g.ok("clocks/timezone#utc-offset", map[string]any{"seconds": 0, "nanoseconds": 0}).(*int64); off != nil && (*off < -14*3600e9 || *off > 14*3600e9) {
		t.Errorf("%d ns", *off)
	}
}

func TestRandom3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	for _, fn := range []string{"random/random#get-random-bytes", "random/insecure#get-insecure-random-bytes"} {
		if n := len(g.ok(fn, 33).([]byte)); n == 0 || n > 33 {
			t.Errorf("%s gave %d bytes", fn, n)
		}
		if n := len(g.ok(fn, 0).([]byte)); n != 0 {
			t.Errorf("%s gave %d bytes", fn, n)
		}
	}
	if a, b := g.ok("random/random#get-random-u64"), g.ok("random/random#get-random-u64"); a == b {
		t.Errorf("%v twice", a)
	}
	g.ok("random/insecure#get-insecure-random-u64")
	if n := len(g.ok("random/insecure-seed#get-insecure-seed").([]any)); n != 2 {
		t.Errorf("%d numbers", n)
	}
}
