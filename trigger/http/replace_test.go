package http

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// counting is an invoker that counts the invocations after its end.
type counting struct {
	invoker
	mu    sync.Mutex
	over  bool
	after int
}

func (c *counting) Invoke(ctx context.Context, inv *host.Invocation) error {
	c.mu.Lock()
	if c.over {
		c.after++
	}
	c.mu.Unlock()
	return c.invoker.Invoke(ctx, inv)
}

// TestReplace: while one start of a workload takes another's place again and again, every request is answered by one that is there.
func TestReplace(t *testing.T) {
	g := guest(func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "whole")
	})
	f := start(t, Config{}, nil, g)
	w := spec("/")
	id := w.ID()
	for _, r := range f.table.all() {
		id = r.workload
	}
	w.Name = string(id)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, h2 := range []bool{false, true} {
		for range 3 {
			c := client(t, h2)
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					resp, err := c.Get(f.url)
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK || string(b) != "whole" || err != nil {
						t.Errorf("%d %q %v", resp.StatusCode, b, err)
						return
					}
				}
			})
		}
	}
	detach := func(context.Context) error { return nil }
	old := &counting{}
	for range 300 {
		inv := &counting{}
		next, err := f.Replace(t.Context(), w, inv)
		if err != nil {
			t.Fatal(err)
		}
		if err := detach(t.Context()); err != nil {
			t.Fatal(err)
		}
		old.mu.Lock()
		if old.over = true; old.after > 0 {
			t.Error("an invocation after the end")
		}
		old.mu.Unlock()
		detach, old = next, inv
	}
	close(stop)
	all.Wait()
	if n := len(f.table.all()); n != 1 {
		t.Errorf("%d routes", n)
	}
}

// TestReplaceRoutes: the new routes take the place of the workload's own, whatever they are, and those of others stay in the way.
func TestReplaceRoutes(t *testing.T) {
	tr := New(Config{})
	defer tr.close()
	attach := func(name string, paths ...string) (*workload.Spec, func(context.Context) error) {
		w := spec(paths...)
		w.Name = name
		detach, err := tr.Attach(t.Context(), w, &invoker{})
		if err != nil {
			t.Fatal(err)
		}
		return w, detach
	}
	attach("other", "/other")
	_, detach := attach("mine", "/a", "/b")
	routes := func() string {
		var all []string
		for _, r := range tr.table.all() {
			all = append(all, string(r.workload)+r.pattern.text)
		}
		return strings.Join(all, " ")
	}
	replace := func(paths ...string) error {
		w := spec(paths...)
		w.Name = "mine"
		_, err := tr.Replace(t.Context(), w, &invoker{})
		return err
	}
	before := routes()
	if err := replace("/b", "/other"); err == nil || !strings.Contains(err.Error(), "other serves it already") {
		t.Errorf("got %v", err)
	}
	if err := replace("/b", "/b"); err == nil {
		t.Error("the same path twice")
	}
	if got := routes(); got != before {
		t.Errorf("after a refusal: %s", got)
	}
	if err := replace("/b", "/c"); err != nil {
		t.Error(err)
	}
	if err := detach(t.Context()); err != nil {
		t.Error(err)
	}
	if got := routes(); !strings.Contains(got, "mine/b") || !strings.Contains(got, "mine/c") || strings.Contains(got, "mine/a") || !strings.Contains(got, "other/other") {
		t.Errorf("got %s", got)
	}
	if err := replace(); err != nil || strings.Contains(routes(), "mine") {
		t.Errorf("%v, %s", err, routes())
	}
}
