package wasi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/wasi"
	clip2 "github.com/vitrine-wasm/vitrine/wasi/cli/p2"
)

func TestEnvironment(t *testing.T) {
	g := serve(t, wasi.Config{Args: []string{"me", "a b", ""}, Env: []wasi.KV{{Name: "Z", Value: "1"}, {Name: "A", Value: "ü="}}, Cwd: "/data"}, noHTTP)
	g.equal([]string{"me", "a b", ""}, "cli/environment#get-arguments")
	g.equal([][]any{{"Z", "1"}, {"A", "ü="}}, "cli/environment#get-environment")
	if cwd := g.ok("cli/environment#initial-cwd").(*string); *cwd != "/data" {
		t.Errorf("%q", *cwd)
	}
}

func TestStandardStreams(t *testing.T) {
	var out, err output
	g := serve(t, wasi.Config{Stdin: strings.NewReader("typed\n"), Stdout: out.write, Stderr: err.write}, noHTTP)
	in := g.res("cli/stdin#get-stdin")
	g.equal([]byte("ty"), "io/streams#input-stream.blocking-read", in, 2)
	g.drop(in)
	if got := g.text(g.res("cli/stdin#get-stdin")); got != "ped\n" {
		t.Errorf("what is left of standard input is %q", got)
	}
	o, e := g.res("cli/stdout#get-stdout"), g.res("cli/stderr#get-stderr")
	g.ok("io/streams#output-stream.blocking-write-and-flush", o, []byte("to out"))
	g.ok("io/streams#output-stream.blocking-write-and-flush", e, []byte("to err"))
	g.drop(o, e)
	if out.String() != "to out" || err.String() != "to err" {
		t.Errorf("%q, %q", out.String(), err.String())
	}
}

func TestTerminals(t *testing.T) {
	for _, on := range []bool{true, false} {
		g := serve(t, wasi.Config{StdinTerminal: on, StdoutTerminal: on, StderrTerminal: on}, noHTTP)
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
	g := serve(t, wasi.Config{StderrTerminal: true}, noHTTP)
	if g.ok("cli/terminal-stdout#get-terminal-stdout").(**cm.Resource) != nil || g.ok("cli/terminal-stderr#get-terminal-stderr").(**cm.Resource) == nil {
		t.Error("one stream's terminal is another's")
	}
}

func TestExit(t *testing.T) {
	first := serve(t, wasi.Config{}, noHTTP)
	first.restart().fail("exit 0", "cli/exit#exit", cm.OKResult[struct{}, struct{}](struct{}{}))
	first.restart().fail("exit 1", "cli/exit#exit", cm.ErrResult[struct{}](struct{}{}))
	for code, want := range map[uint8]string{0: "exit 0", 1: "exit 1", 42: "exit 42", 255: "exit 255"} {
		err := first.restart().fail(want, "cli/exit#exit-with-code", code)
		var exit *cm.ExitError
		if !errors.As(err, &exit) || exit.Code != code {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// TestRun calls a command's export.
func TestRun(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	run, err := clip2.NewRunExport(g.inst)
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
		if seen := strings.Join(g.seen.take(), ", "); seen != "wasi:cli/run@0.2.12#run "+want {
			t.Errorf("what crossed the boundary is %q", seen)
		}
		record(t, "cli/run#run", want)
	}
}

func TestClocks(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	before := time.Now().Unix()
	wall := g.ok("clocks/wall-clock#now").(map[string]any)
	if s := int64(wall["seconds"].(uint64)); s < before || s > time.Now().Unix() || wall["nanoseconds"].(uint32) >= 1e9 {
		t.Errorf("the wall clock shows %v at %d", wall, before)
	}
	if r := g.ok("clocks/wall-clock#resolution").(map[string]any); r["seconds"] != uint64(0) || r["nanoseconds"] == uint32(0) {
		t.Errorf("its resolution is %v", r)
	}
	a := g.ok("clocks/monotonic-clock#now").(uint64)
	timer := g.res("clocks/monotonic-clock#subscribe-duration", 2_000_000)
	g.ok("io/poll#pollable.block", timer)
	b := g.ok("clocks/monotonic-clock#now").(uint64)
	if b-a < 2_000_000 {
		t.Errorf("a timer of 2 ms took %d ns", b-a)
	}
	g.ok("io/poll#pollable.block", g.res("clocks/monotonic-clock#subscribe-instant", b+1_000_000))
	if c := g.ok("clocks/monotonic-clock#now").(uint64); c < b+1_000_000 {
		t.Errorf("a timer for %d was over at %d", b+1_000_000, c)
	}
	g.equal(true, "io/poll#pollable.ready", g.res("clocks/monotonic-clock#subscribe-instant", 0))
	if r := g.ok("clocks/monotonic-clock#resolution").(uint64); r == 0 || r > 1e9 {
		t.Errorf("its resolution is %d", r)
	}
}

func TestTimezone(t *testing.T) {
	at := func(s int64) map[string]any { return map[string]any{"seconds": s, "nanoseconds": 0} }
	winter, summer := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).Unix()
	zone, err := time.LoadLocationFromTZData("Test/Zone", berlin)
	if err != nil {
		t.Fatal(err)
	}
	g := serve(t, wasi.Config{Zone: zone}, noHTTP)
	g.equal(map[string]any{"utc-offset": int32(3600), "name": "CET", "in-daylight-saving-time": false}, "clocks/timezone#display", at(winter))
	g.equal(map[string]any{"utc-offset": int32(7200), "name": "CEST", "in-daylight-saving-time": true}, "clocks/timezone#display", at(summer))
	g.equal(int32(3600), "clocks/timezone#utc-offset", at(winter))
	g.equal(int32(7200), "clocks/timezone#utc-offset", at(summer))
	g.equal(int32(0), "clocks/timezone#utc-offset", map[string]any{"seconds": uint64(1<<64 - 1), "nanoseconds": 0})
	g = serve(t, wasi.Config{}, noHTTP)
	g.equal(map[string]any{"utc-offset": int32(0), "name": "UTC", "in-daylight-saving-time": false}, "clocks/timezone#display", at(summer))
}

// berlin is a time zone file without transitions and with the rule of Central Europe (RFC 9636 §3): a header and empty data
// of version 1, the same of version 2, and the rule.
var berlin = func() []byte {
	header := func(types, chars byte) []byte {
		h := append([]byte("TZif2"), make([]byte, 39)...)
		h[39], h[43] = types, chars
		return h
	}
	data := append([]byte{0, 0, 14, 16, 0, 0}, "CET\x00"...)
	block := append(header(1, 4), data...)
	return append(append(block, block...), "\nCET-1CEST,M3.5.0,M10.5.0/3\n"...)
}()

func TestRandom(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	for _, c := range []struct{ bytes, number string }{
		{"random/random#get-random-bytes", "random/random#get-random-u64"},
		{"random/insecure#get-insecure-random-bytes", "random/insecure#get-insecure-random-u64"},
	} {
		a, b := g.ok(c.bytes, 32).([]byte), g.ok(c.bytes, 32).([]byte)
		if len(a) != 32 || bytes.Equal(a, b) {
			t.Errorf("%s: %x, then %x", c.bytes, a, b)
		}
		g.equal([]byte{}, c.bytes, 0)
		if x, y := g.ok(c.number), g.ok(c.number); x == y {
			t.Errorf("%s: %v twice", c.number, x)
		}
		g.restart().fail("trap host-call-misuse", c.bytes, uint64(1)<<40)
	}
	seed := g.ok("random/insecure-seed#insecure-seed").([]any)
	if len(seed) != 2 || seed[0] == seed[1] {
		t.Errorf("seed %v", seed)
	}
	g.equal(seed, "random/insecure-seed#insecure-seed")
	if other := g.restart().ok("random/insecure-seed#insecure-seed"); reflect.DeepEqual(other, seed) {
		t.Errorf("two instances have the seed %v", seed)
	}
}

// TestSeedAfterReset: an instance has another seed after a reset.
func TestSeedAfterReset(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	inst, err := g.inst.Linked().Instantiate(t.Context(), component.WithReset(component.Fresh, nil))
	if err != nil {
		t.Fatal(err)
	}
	g = &guest{t: t, of: surface.P2, inst: inst, seen: g.seen}
	t.Cleanup(func() { _ = inst.Close(context.Background()) })
	seen := map[string]bool{}
	for n := range 3 {
		seed := g.ok("random/insecure-seed#insecure-seed")
		g.equal(seed, "random/insecure-seed#insecure-seed")
		if text := fmt.Sprint(seed); seen[text] {
			t.Errorf("use %d has the seed of another", n)
		} else {
			seen[text] = true
		}
		if err := inst.Reset(t.Context(), cm.InstanceInfo{}); err != nil {
			t.Fatal(err)
		}
	}
}

// wantCode checks the filesystem error code of a stream's error.
func (g *guest) wantCode(t *testing.T, failed error, want string) {
	t.Helper()
	if c := g.ok(files+"filesystem-error-code", g.ioError(failed)).(*string); c == nil || *c != want {
		t.Errorf("the code is %v, wanted %s", c, want)
	}
}

// TestStandardFiles: errors of the files that a command was started with have filesystem error codes.
func TestStandardFiles(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	readable, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer readable.Close()
	to := func(f *os.File) func(context.Context, []byte) error {
		return func(_ context.Context, p []byte) error { _, err := f.Write(p); return err }
	}
	g := serve(t, wasi.Config{Stdin: folder, Stdout: to(full), Stderr: to(readable)}, noHTTP)
	in := g.res("cli/stdin#get-stdin")
	g.wantCode(t, g.fail("last-operation-failed", "io/streams#input-stream.blocking-read", in, 2), "is-directory")
	g.fail("closed", "io/streams#input-stream.blocking-read", in, 2)
	o, e := g.res("cli/stdout#get-stdout"), g.res("cli/stderr#get-stderr")
	g.wantCode(t, g.fail("last-operation-failed", "io/streams#output-stream.blocking-write-and-flush", o, []byte("x")), "insufficient-space")
	g.wantCode(t, g.fail("last-operation-failed", "io/streams#output-stream.blocking-write-and-flush", e, []byte("x")), "bad-descriptor")
}

// TestDefaultGrantsNothing: a guest without grants has no access to anything.
func TestDefaultGrantsNothing(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	g.equal([][]any{}, "filesystem/preopens#get-directories")
	g.equal([]string{}, "cli/environment#get-arguments")
	g.equal([][]any{}, "cli/environment#get-environment")
	if cwd := g.ok("cli/environment#initial-cwd").(*string); cwd != nil {
		t.Errorf("a folder: %q", *cwd)
	}
	if got := g.text(g.res("cli/stdin#get-stdin")); got != "" {
		t.Errorf("standard input: %q", got)
	}
	g.ok("io/streams#output-stream.blocking-write-and-flush", g.res("cli/stdout#get-stdout"), []byte("forgotten"))
	n := g.res("sockets/instance-network#instance-network")
	tcp, udp := g.res("sockets/tcp-create-socket#create-tcp-socket", "ipv4"), g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
	g.fail("access-denied", "sockets/tcp#tcp-socket.start-bind", tcp, n, ip4("127.0.0.1:0"))
	g.fail("access-denied", "sockets/tcp#tcp-socket.start-connect", tcp, n, ip4("127.0.0.1:80"))
	g.fail("access-denied", "sockets/udp#udp-socket.start-bind", udp, n, ip4("127.0.0.1:0"))
	g.fail("access-denied", "sockets/ip-name-lookup#resolve-addresses", n, "localhost")
	r := g.request("GET", "http://127.0.0.1:80/")
	g.fail("HTTP-request-denied", "http/outgoing-handler#handle", r, nil)
}
