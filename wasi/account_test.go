package wasi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// limited makes another guest with a limit of host memory.
func (g *guest) limited(bytes uint64) *guest {
	g.t.Helper()
	inst, err := g.inst.Linked().Instantiate(g.t.Context(), component.WithHostMemory(bytes))
	if err != nil {
		g.t.Fatal(err)
	}
	next := &guest{t: g.t, of: g.of, inst: inst, seen: g.seen, url: g.url}
	g.t.Cleanup(func() {
		for _, r := range slices.Backward(next.given) {
			if !r.Dropped {
				_ = inst.Drop(context.Background(), r)
			}
		}
		_ = inst.Close(context.Background())
	})
	return next
}

// memoryGrower is a way to make the host hold ever more memory.
type memoryGrower struct {
	step func(g *guest) (outcome string)
	// want is the outcome at the limit: the name of a WIT error, or "trap host-memory"; several if it depends on where the
	// limit is met.
	want string
	// frees says that dropping the resources of a step releases all of its memory.
	frees bool
}

const hostMemory = 3 << 20 // the limit in these tests

var memoryGrowers = map[string]memoryGrower{
	"fields from a list": {func(g *guest) string {
		return g.outcome(httpTypes+"fields.from-list", [][]any{{"a", bytes.Repeat([]byte("x"), 100<<10)}})
	}, "trap host-memory", true},
	"fields that grow": {func(g *guest) string {
		f := g.get(httpTypes + "fields.new")
		for range 3 {
			if o := g.outcome(httpTypes+"fields.append", f, "a", bytes.Repeat([]byte("x"), 32<<10)); o != "ok" {
				return o
			}
		}
		return g.outcome(httpTypes+"fields.set", f, "b", [][]byte{bytes.Repeat([]byte("x"), 16<<10)})
	}, "trap host-memory", true},
	"copies of fields": {func(g *guest) string {
		f := g.get(httpTypes+"fields.from-list", [][]any{{"a", bytes.Repeat([]byte("x"), 50<<10)}})
		return g.outcome(httpTypes+"fields.clone", f)
	}, "trap host-memory", true},
	"requests with heads": {func(g *guest) string {
		return g.outcome(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.from-list", [][]any{{"a", bytes.Repeat([]byte("x"), 50<<10)}}))
	}, "trap host-memory", true},
	"long paths": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
		return g.outcome(httpTypes+"outgoing-request.set-path-with-query", r, "/"+strings.Repeat("x", 100<<10))
	}, "error", true},
	"long authorities": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
		return g.outcome(httpTypes+"outgoing-request.set-authority", r, strings.Repeat("x", 100<<10))
	}, "error", true},
	"long methods": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
		return g.outcome(httpTypes+"outgoing-request.set-method", r, cm.Variant{Case: "other", Value: strings.Repeat("x", 100<<10)})
	}, "error", true},
	"long schemes": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
		return g.outcome(httpTypes+"outgoing-request.set-scheme", r, cm.Variant{Case: "other", Value: strings.Repeat("x", 100<<10)})
	}, "error", true},
	"request bodies": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
		return g.fill(g.get(httpTypes+"outgoing-body.write", g.get(httpTypes+"outgoing-request.body", r)))
	}, "last-operation-failed", true},
	"response bodies": {func(g *guest) string {
		r := g.get(httpTypes+"outgoing-response.new", g.get(httpTypes+"fields.new"))
		return g.fill(g.get(httpTypes+"outgoing-body.write", g.get(httpTypes+"outgoing-response.body", r)))
	}, "last-operation-failed", true},
	"heads of answers": {func(g *guest) string {
		future := g.get(send, g.requestToServer(), nil)
		p := g.get(httpTypes+"future-incoming-response.subscribe", future)
		g.ok("io/poll#pollable.block", p)
		g.drop(p)
		v := g.ok(httpTypes+"future-incoming-response.get", future).(*cm.Variant).Value.(cm.Variant)
		if v.Case == "ok" {
			return "ok"
		}
		return v.Value.(cm.Variant).Case
	}, "internal-error|error", true},
	"answers that nobody takes": {func(g *guest) string {
		r := g.requestToServer()
		future, outcome, _ := g.call(g.t.Context(), send, r, nil)
		if outcome == "ok" {
			p := g.get(httpTypes+"future-incoming-response.subscribe", future)
			g.ok("io/poll#pollable.block", p)
			g.drop(p)
		}
		return outcome
	}, "internal-error|error", false},
	"what is read": {func(g *guest) string {
		return g.outcome("io/streams#input-stream.skip", g.resource(iop2.InputStreamType, iop2.NewInputStream(always{})), 1<<20)
	}, "last-operation-failed", true},
	"what is read ahead": {func(g *guest) string {
		s := g.input(zeroes{})
		for range 4 {
			if o := g.outcome("io/streams#input-stream.blocking-skip", s, 64<<10); o != "ok" {
				return o
			}
		}
		return "ok"
	}, "last-operation-failed", true},
	"what is spliced": {func(g *guest) string {
		out := g.resource(iop2.OutputStreamType, iop2.NewOutputStream(discard{}))
		return g.outcome("io/streams#output-stream.splice", out, g.resource(iop2.InputStreamType, iop2.NewInputStream(always{})), 10)
	}, "last-operation-failed", true},
	"what waits to be written": {func(g *guest) string {
		return g.fill(g.output(blockedWriter{g.t.Context()}))
	}, "last-operation-failed", false},
	"folders being listed": {func(g *guest) string {
		if len(g.given) == 0 {
			g.ok("filesystem/preopens#get-directories")
		}
		return g.outcome("filesystem/types#descriptor.read-directory", g.given[0])
	}, "insufficient-memory", true},
	"lookups": {func(g *guest) string {
		return g.outcome("sockets/ip-name-lookup#resolve-addresses", g.get("sockets/instance-network#instance-network"), "127.0.0.1")
	}, "out-of-memory", true},
	"random bytes":          {func(g *guest) string { return g.outcome("random/random#get-random-bytes", 2*hostMemory) }, "trap host-memory", false},
	"insecure random bytes": {func(g *guest) string { return g.outcome("random/insecure#get-insecure-random-bytes", 2*hostMemory) }, "trap host-memory", false},
	"strings handed over": {func(g *guest) string {
		_, err := g.inst.Call(g.t.Context(), "surface:sockets/ip-name-lookup#resolve-addresses", g.get("sockets/instance-network#instance-network"), strings.Repeat("x", 2*hostMemory))
		outcome, _ := outcomeOf(err)
		return outcome
	}, "trap host-memory", false},
}

// outcome calls a function and returns the name of its outcome.
func (g *guest) outcome(fn string, args ...any) string {
	g.t.Helper()
	_, outcome, err := g.call(g.t.Context(), fn, args...)
	if outcome == "trap host-memory" && !strings.Contains(err.Error(), "(hostMemory, --host-memory)") {
		g.t.Errorf("the trap does not name its limit: %v", err)
	}
	return outcome
}

// get calls a function that returns a resource; any other outcome ends the step.
func (g *guest) get(fn string, args ...any) *cm.Resource {
	g.t.Helper()
	v, outcome, _ := g.call(g.t.Context(), fn, args...)
	if outcome != "ok" {
		panic(refused(outcome))
	}
	return firstOf(v)
}

type refused string

// requestToServer makes a request to the test's server.
func (g *guest) requestToServer() *cm.Resource {
	g.t.Helper()
	r := g.get(httpTypes+"outgoing-request.new", g.get(httpTypes+"fields.new"))
	for fn, arg := range map[string]any{"set-scheme": cm.Variant{Case: "HTTP"}, "set-authority": strings.TrimPrefix(g.url, "http://")} {
		if outcome := g.outcome(httpTypes+"outgoing-request."+fn, r, arg); outcome != "ok" {
			panic(refused(outcome))
		}
	}
	return r
}

// fill writes as much as a stream accepts.
func (g *guest) fill(s *cm.Resource) string {
	n := g.ok("io/streams#output-stream.check-write", s).(uint64)
	return g.outcome("io/streams#output-stream.write", s, make([]byte, n))
}

// firstOf is the first resource in a result.
func firstOf(v any) *cm.Resource {
	g := &guest{}
	g.keep(reflect.ValueOf(v))
	return g.given[0]
}

// TestHostMemory: the limit ends every way to make the host hold memory, in any number of objects, and drops release memory.
func TestHostMemory(t *testing.T) {
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 100<<10))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer big.Close()
	dir := t.TempDir()
	for name, way := range memoryGrowers {
		t.Run(name, func(t *testing.T) {
			made := serve(t, preopen(dir), wasihttp.ClientConfig{Allow: allowAll})
			made.url = big.URL
			g := made.limited(hostMemory)
			before := heap()
			n, outcome := 0, "ok"
			for outcome == "ok" && n < 3000 {
				outcome = stepOutcome(func() string { return way.step(g) })
				n++
			}
			if grown := heap() - before; grown > 5*hostMemory {
				t.Errorf("after %d steps the host holds %d bytes more", n, grown)
			}
			if !slices.Contains(strings.Split(way.want, "|"), outcome) {
				t.Fatalf("after %d steps: %s, want %s", n, outcome, way.want)
			}
			if !way.frees {
				return
			}
			g = made.limited(hostMemory)
			for range 2*n + 10 {
				if outcome := stepOutcome(func() string { return way.step(g) }); outcome != "ok" {
					t.Fatalf("a step after all resources were dropped: %s", outcome)
				}
				for _, r := range slices.Backward(g.given) {
					if !r.Dropped {
						_ = g.inst.Drop(t.Context(), r)
					}
				}
				g.given = nil
			}
		})
	}
}

// stepOutcome is the outcome of a step, which any of its calls may end.
func stepOutcome(step func() string) (outcome string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case refused:
			outcome = string(r)
		default:
			panic(r)
		}
	}()
	return step()
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

// always is an input that always has bytes, and holds none.
type always struct{}

func (always) Ready() bool                                   { return true }
func (always) Watch(chan<- struct{}) func()                  { return func() {} }
func (always) Read(_ context.Context, p []byte) (int, error) { return len(p), nil }
func (always) Close() error                                  { return nil }

// discard accepts all bytes and holds none.
type discard struct{ always }

func (discard) CheckWrite(context.Context) (uint64, error) { return 1 << 16, nil }
func (discard) Write(context.Context, []byte) error        { return nil }
func (discard) Flush(context.Context) error                { return nil }

// blockedWriter is a destination that blocks until the end of the test.
type blockedWriter struct{ ctx context.Context }

func (s blockedWriter) Write([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, io.ErrClosedPipe
}
