package http

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// at is the route of a GET request for a path.
func (t *table) at(path string) *route {
	r, _ := t.find(http.MethodGet, "", path)
	return r
}

func routeFor(t *testing.T, r Route) *route {
	t.Helper()
	if wrong := r.check(0); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	m, err := newMatcher(&r)
	if err != nil {
		t.Fatal(err)
	}
	return &route{matcher: m}
}

func TestFindRoute(t *testing.T) {
	var tab table
	var routes []*route
	for _, p := range []string{"/shop", "/", "/shop/cart/", "/about"} {
		routes = append(routes, routeFor(t, Route{Path: p}))
	}
	if err := tab.add(routes, nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "/", "/x": "/", "/shop": "/shop", "/shop/": "/shop", "/shopping": "/", "/shop/cart": "/shop",
		"/shop/cart/": "/shop/cart/", "/shop/cart/1": "/shop/cart/", "/about": "/about", "/about/x": "/about",
	} {
		if r := tab.at(path); r == nil || r.pattern.text != want {
			t.Errorf("%s: got %+v, want %s", path, r, want)
		}
	}
	if r := tab.at(""); r != nil {
		t.Errorf("the empty path has found %s", r.pattern.text)
	}
}

func TestAttachRefuses(t *testing.T) {
	tr := New(Config{})
	inv := &invoker{}
	if _, err := tr.Attach(t.Context(), spec(), inv); err != nil || tr.Addr() != nil {
		t.Errorf("a workload without triggers: %v, listening on %v", err, tr.Addr())
	}
	if _, err := tr.Attach(t.Context(), spec("/a"), inv); err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	missing := spec("/c")
	missing.Triggers[0].Component = "missing"
	for want, w := range map[string]*workload.Spec{
		`path "/a": test serves it already`:         spec("/z", "/a"),
		`path "/z": test serves it already`:         spec("/z", "/z"),
		`path: "b": want a path that begins with /`: spec("b"),
		`path "/c": no component missing`:           missing,
	} {
		if _, err := tr.Attach(t.Context(), w, inv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if tr.table.at("/z") != nil {
		t.Error("a route of a refused workload is served")
	}
	taken := New(Config{Listen: tr.Addr().String()})
	if _, err := taken.Attach(t.Context(), spec("/"), inv); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a taken port: %v", err)
	}
}

func TestNoAnswerBeforeAttach(t *testing.T) {
	tr := New(Config{Adapters: handler(func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "ready")
	})})
	if err := tr.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	answer := make(chan string, 1)
	c := client(t, false)
	go func() {
		resp, err := c.Get("http://" + tr.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	if _, err := tr.Attach(ctx, spec("/"), &invoker{}); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "ready" {
		t.Errorf("got %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNoRoute(t *testing.T) {
	tr := New(Config{})
	if _, err := tr.Attach(t.Context(), spec("/only"), &invoker{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	if resp, body := get(t, client(t, false), "http://"+tr.Addr().String()+"/other"); resp.StatusCode != 404 || body != "no route\n" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// draining is a guest that answers when it is let go, and says when it is there.
func draining() (g guest, entered chan struct{}, release chan struct{}) {
	entered, release = make(chan struct{}, 10), make(chan struct{})
	return func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		entered <- struct{}{}
		select {
		case <-release:
			return text(ctx, out, 200, "whole")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, entered, release
}

func TestDrain(t *testing.T) {
	protocols(t, func(t *testing.T, c *http.Client) {
		g, entered, release := draining()
		f := start(t, Config{}, nil, g)
		answer := make(chan string, 1)
		go func() {
			resp, err := c.Get(f.url)
			if err != nil {
				answer <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			answer <- string(b)
		}()
		<-entered
		stopped := make(chan error, 1)
		go func() { stopped <- f.Shutdown(context.Background()) }()
		for { // until nobody accepts any more
			conn, err := net.Dial("tcp", f.Addr().String())
			if err != nil {
				break
			}
			conn.Close()
		}
		close(release)
		if got := <-answer; got != "whole" {
			t.Errorf("got %q", got)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainTime: what is attached may run for as long as its longest deadline.
func TestDrainTime(t *testing.T) {
	tr := New(Config{})
	w := spec("/a", "/b")
	w.Components = []workload.Component{{Name: "c/a", Limits: workload.Limits{Deadline: 50 * time.Millisecond}},
		{Name: "c/b", Limits: workload.Limits{Deadline: time.Minute}}}
	if _, err := tr.Attach(t.Context(), w, &invoker{}); err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	if got := tr.table.longest(); got != time.Minute {
		t.Errorf("got %s", got)
	}
}

func TestDrainCuts(t *testing.T) {
	g, entered, _ := draining()
	f := start(t, Config{}, nil, g)
	status := make(chan int, 1)
	c := client(t, false)
	go func() {
		resp, err := c.Get(f.url)
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.table.at("/").drain(ctx); err == nil || !strings.Contains(err.Error(), "1 requests were cut") {
		t.Errorf("got %v", err)
	}
	if s := <-status; s != 503 {
		t.Errorf("got %d", s)
	}
	var trap *cm.Trap
	if e := f.inv.end(t); !errors.As(e.err, &trap) || trap.Code != cm.TrapCancel {
		t.Errorf("ended as %+v", e)
	}
}

func TestRunCutsAfterGrace(t *testing.T) {
	g, entered, _ := draining()
	f := start(t, Config{Grace: 30 * time.Millisecond}, nil, g)
	c := client(t, true)
	go func() {
		if resp, err := c.Get(f.url); err == nil {
			resp.Body.Close()
		}
	}()
	<-entered
	f.stop()
	if len(f.inv.ends) != 1 {
		t.Errorf("ended as %+v", f.inv.ends)
	}
}

func TestDetach(t *testing.T) {
	g, entered, release := draining()
	tr := New(Config{Adapters: handler(g)})
	detach, err := tr.Attach(t.Context(), spec("/a"), &invoker{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	url := "http://" + tr.Addr().String() + "/a"
	c := client(t, false)
	answer := make(chan int, 1)
	go func() {
		resp, err := c.Get(url)
		if err != nil {
			answer <- 0
			return
		}
		resp.Body.Close()
		answer <- resp.StatusCode
	}()
	<-entered
	detached := make(chan error, 1)
	r := tr.table.at("/a")
	go func() { detached <- detach(context.Background()) }()
	for draining := false; !draining; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		draining = r.draining
		r.mu.Unlock()
	}
	if resp, _ := get(t, c, url); resp.StatusCode != 503 {
		t.Errorf("while draining: got %d", resp.StatusCode)
	}
	close(release)
	if s := <-answer; s != 200 {
		t.Errorf("the running request: got %d", s)
	}
	if err := <-detached; err != nil {
		t.Error(err)
	}
	if resp, _ := get(t, c, url); resp.StatusCode != 404 {
		t.Errorf("after: got %d", resp.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownDoesNotWaitForSilentConnections(t *testing.T) {
	f := start(t, Config{Grace: time.Hour}, nil, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "here")
	})
	c, r := raw(t, f, "")
	get(t, client(t, false), f.url) // the silent one has been accepted by now
	f.stop()
	if all, err := io.ReadAll(r); err != nil || len(all) > 0 {
		t.Errorf("got %q, %v", all, err)
	}
	c.Close()
}
