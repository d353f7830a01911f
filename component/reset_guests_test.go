package component_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/internal/shared"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	triggerhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// isEnvironment says of a boundary what the host says of it: all instances are told the same.
func isEnvironment(b *cm.Boundary) bool { return b.Interface.Interface == "environment" }

// drawn notes what guests get from wasi:random.
type drawn struct {
	mu     sync.Mutex
	values []string
}

func (d *drawn) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind == cm.GuestToHost && b.Interface.Package == "random" {
		return d
	}
	return nil
}

func (d *drawn) Enter(c *cm.Call) context.Context { return c.Context }

func (d *drawn) Exit(c *cm.Call, _ cm.End) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range c.Results() {
		v, err := cm.ToGo(c.Boundary.Type.Result, r)
		if err != nil {
			v = err
		}
		d.values = append(d.values, fmt.Sprint(v))
	}
}

// pooled is an Invoker that runs one invocation at a time, in new instances or in one that it resets.
type pooled struct {
	t         *testing.T
	linked    *component.Linked
	isolation component.Isolation

	mu                           sync.Mutex
	inst                         *component.Instance
	made, resets, reinitialising int
	refused                      map[string]int
}

// settled waits for the reset after the last answer: what p has counted can be read then.
func (p *pooled) settled() {
	p.mu.Lock()
	defer p.mu.Unlock()
}

func (p *pooled) Linked(string) (*component.Linked, error) { return p.linked, nil }

func (p *pooled) Invoke(ctx context.Context, inv *host.Invocation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	inst := p.inst
	p.inst = nil
	if inst == nil {
		p.made++
		inst, err = p.linked.Instantiate(ctx, component.WithReset(p.isolation, isEnvironment), component.WithMemory(1<<28))
	}
	if err == nil {
		err = inv.Run(ctx, inst)
	}
	inv.Settle(ctx, err)
	if inst == nil {
		return err
	}
	if p.isolation != component.NoReset && err == nil {
		failed := inst.Reset(ctx, cm.InstanceInfo{})
		if failed == nil {
			p.resets++
			if component.Reinitialised(inst) {
				p.reinitialising++
			}
			if diff := component.CheckSnapshot(inst); diff != nil {
				p.t.Errorf("after reset %d: %v", p.resets, diff)
			}
			p.inst = inst
			return nil
		}
		var why *component.ResetError
		if !errors.As(failed, &why) {
			p.t.Errorf("reset: %v", failed)
		} else {
			p.refused[why.Reason]++
		}
	}
	if failed := inst.Close(context.WithoutCancel(ctx)); failed != nil {
		p.t.Errorf("close: %v", failed)
	}
	return err
}

// served starts a guest behind an HTTP trigger with everything that ships.
func served(t *testing.T, e *component.Engine, guest string, i component.Isolation, ic cm.Interceptor) (*pooled, string) {
	t.Helper()
	ctx := context.Background()
	c := &workload.Component{Name: guest, Environment: map[string]string{"GREETING": "hi"}, Config: map[string]string{"greeting": "hi"}}
	w := &workload.Spec{Name: "w", Components: []workload.Component{*c},
		Triggers: []workload.TriggerSpec{{HTTP: &workload.HTTPTrigger{Path: "/", Component: guest}}}}
	out := &host.Output{}
	l := e.NewLinker(ic)
	for _, p := range []host.Plugin{hostwasi.New(hostwasi.Config{Output: out}), config.Plugin{}, logging.New(out),
		keyvalue.New(kvmemory.New(0)), blobstore.New(blobmemory.New(0))} {
		if err := p.Bind(ctx, l, w, c); err != nil {
			t.Fatal(err)
		}
	}
	linked, err := l.Link(ctx, load(t, e, guest))
	if err != nil {
		t.Fatal(err)
	}
	p := &pooled{t: t, linked: linked, isolation: i, refused: map[string]int{}}
	tr := triggerhttp.New(triggerhttp.Config{})
	if _, err := tr.Attach(ctx, w, p); err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- tr.Run(running) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if p.inst != nil {
			if err := p.inst.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	return p, "http://" + tr.Addr().String()
}

// request is one request; a body that begins with "#" is made of as many bytes as the number behind it says.
type request struct{ path, body string }

// answer gives everything of an answer that does not depend on the time.
func answer(t *testing.T, c *http.Client, base string, q request, round int) string {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if q.body != "" {
		method = http.MethodPost
		text := q.body
		if n := 0; strings.HasPrefix(text, "#") {
			if _, err := fmt.Sscan(text[1:], &n); err != nil {
				t.Fatal(err)
			}
			text = strings.Repeat(fmt.Sprintf("%d %s;", round, q.path), n)[:n]
		}
		body = strings.NewReader(text)
	}
	r, err := http.NewRequest(method, base+q.path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "example.test"
	resp, err := c.Do(r)
	if err != nil {
		return "error"
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d broken=%v\n", resp.StatusCode, err != nil)
	resp.Header.Del("Date")
	resp.Header.Del("Content-Length") // net/http sets it if the answer is complete soon enough
	for _, h := range []http.Header{resp.Header, resp.Trailer} {
		for _, k := range slices.Sorted(maps.Keys(h)) {
			fmt.Fprintf(&b, "%s: %q\n", k, h[k])
		}
	}
	b.Write(got)
	return b.String()
}

// TestResetsAreFresh: what a guest answers from instances that are reset is byte for byte what it answers from new ones.
func TestResetsAreFresh(t *testing.T) {
	full := []request{
		{"/hello", ""}, {"/echo", "some bytes"}, {"/calls", ""}, {"/headers", ""}, {"/copy?buf=7", "#3000"}, {"/echo", "#300000"},
		{"/count", "#70000"}, {"/chunks?n=3&ms=1", ""}, {"/trailers", ""}, {"/env", ""}, {"/status?code=418", ""}, {"/log", ""},
		{"/error", ""}, {"/noresponse", ""}, {"/zzz", ""}, {"/calls", ""}, {"/trap", ""}, {"/calls", ""}, {"/abort", ""},
	}
	for _, g := range []struct {
		guest     string
		requests  []request
		rounds    int
		runsAgain bool // initialisation asks the host
	}{
		{"rust-http-full-p2", full, 12, false},
		{"rust-http-p2", []request{{"/hello", ""}, {"/echo", "#50000"}, {"/env", ""}, {"/x", ""}, {"/panic", ""}}, 40, false},
		// Larger bodies make this guest's collector run inside cabi_realloc now and then, which traps, also in new instances.
		{"go126-http-p2", []request{{"/hello", ""}, {"/echo", "#3000"}, {"/env", ""}, {"/x", ""}, {"/panic", ""}}, 20, true},
		{"js-qjs-http-p2", []request{{"/hello", ""}, {"/echo", "#50000"}, {"/env", ""}, {"/x", "a body"}, {"/fetch/127.0.0.1:1/", ""}}, 25, false},
		{"shop-composed", []request{{"/total?items=3", ""}, {"/basket?add=item-2:3,item-5:1", ""}, {"/total?items=x", ""}, {"/total?items=99999", ""}, {"/nope", ""}}, 40, false},
		{"rust-kv-p2", []request{{"/kv/set?key=a", "#900"}, {"/kv/get?key=a", ""}, {"/kv/incr?key=n", ""}, {"/kv/list", ""}, {"/config?key=greeting", ""}, {"/config/all", ""}, {"/blob/put?name=c&object=o", "#70000"}, {"/blob/get?name=c&object=o", ""}, {"/log", ""}}, 25, false},
	} {
		t.Run(g.guest, func(t *testing.T) {
			rounds := g.rounds
			if testing.Short() {
				rounds = 3
			}
			e := engine(t)
			random := &drawn{}
			_, fresh := served(t, e, g.guest, component.NoReset, nil)
			reset, again := served(t, e, g.guest, component.Fresh, random)
			common, once := served(t, e, g.guest, component.Initialised, nil)
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			defer client.CloseIdleConnections()
			for round := range rounds {
				for _, q := range g.requests {
					want := answer(t, client, fresh, q, round)
					if got := answer(t, client, again, q, round); got != want {
						t.Fatalf("round %d, %s: an instance that was reset answers\n%.2000s\na new one\n%.2000s", round, q.path, got, want)
					}
					if got := answer(t, client, once, q, round); got != want {
						t.Fatalf("round %d, %s: an instance that was reset to its initialised state answers\n%.2000s\na new one\n%.2000s", round, q.path, got, want)
					}
				}
			}
			reset.mu.Lock()
			defer reset.mu.Unlock()
			t.Logf("%d made, %d reset, %d of them initialised again; refused: %v", reset.made, reset.resets, reset.reinitialising, reset.refused)
			if reset.resets < reset.made {
				t.Errorf("only %d of %d uses were of instances that were reset: %v", reset.resets, reset.resets+reset.made, reset.refused)
			}
			if (reset.reinitialising > 0) != g.runsAgain {
				t.Errorf("initialisation ran again in %d of %d resets", reset.reinitialising, reset.resets)
			}
			noRepeats(t, random, g.runsAgain)
			common.mu.Lock()
			defer common.mu.Unlock()
			if common.resets < common.made || common.reinitialising > 0 {
				t.Errorf("isolation snapshot: %d made, %d reset, %d of them initialised again; refused: %v", common.made, common.resets, common.reinitialising, common.refused)
			}
		})
	}
}

// noRepeats checks that no two instances drew the same.
func noRepeats(t *testing.T, d *drawn, some bool) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[string]bool{}
	for _, v := range d.values {
		if seen[v] {
			t.Errorf("drawn twice: %.80s", v)
		}
		seen[v] = true
	}
	if some && len(d.values) == 0 {
		t.Error("nothing was drawn")
	}
}

// TestResetDrawsAnew: random numbers do not repeat from one use of an instance to the next.
func TestResetDrawsAnew(t *testing.T) {
	e := engine(t)
	shared.Dir(t)
	p, base := served(t, e, "rust-http-full-p2", component.Fresh, nil)
	seen := map[string]bool{}
	for round := range 300 {
		got := answer(t, http.DefaultClient, base, request{"/random", ""}, round)
		if seen[got] {
			t.Fatalf("round %d: %q came before", round, got)
		}
		seen[got] = true
	}
	p.settled()
	if p.resets < 299 {
		t.Errorf("%d resets", p.resets)
	}
}
