package http

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// route is one HTTP trigger of one workload.
type route struct {
	matcher
	proxies     *proxies     // nil: none is believed; of one trigger, two that are the same are one
	certificate *certificate // nil: none of its own
	spin        bool         // its requests say where it is, as in Spin
	component   string       // workload.TriggerSpec.Target
	workload    workload.ID
	invoker     host.Invoker
	handle      HandleFunc
	files       *files    // served in place of a component; nil: none
	begin       beginFunc // Adapter.begin
	deadline    time.Duration
	maxHead     int64 // bytes of a request's head
	maxBody     int64 // bytes of a request's body; not above 0: no bound

	gone bool // guarded by table.mu: it is in the table no more

	mu       sync.Mutex
	running  map[*exchange]struct{}
	draining bool
	empty    chan struct{} // closed when the last exchange of a draining route has ended
}

// refuse says why the guest must not get a request; nil if it may.
func (r *route) refuse(req *http.Request) error {
	switch {
	case headSize(req) > r.maxHead:
		return largeHead(r.maxHead)
	case r.maxBody > 0 && req.ContentLength > r.maxBody:
		return largeBody(r.maxBody)
	}
	return nil
}

// headSize is an estimate of the bytes of a head in HTTP/1.1.
func headSize(r *http.Request) int64 {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return int64(n)
}

// enter counts an exchange in, unless the route takes no more.
func (r *route) enter(x *exchange) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	r.running[x] = struct{}{}
	return true
}

func (r *route) leave(x *exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, x)
	if r.draining && len(r.running) == 0 {
		close(r.empty)
		r.empty = nil
	}
}

// cutTime bounds how long exchanges may take to end once they have been cut.
const cutTime = 2 * time.Second

// drain accepts no more exchanges and waits for running ones; when ctx ends it cuts them, and waits for them for cutTime at most. The error
// says that it cut some.
func (r *route) drain(ctx context.Context) error {
	r.mu.Lock()
	if !r.draining {
		r.draining = true
		if len(r.running) > 0 {
			r.empty = make(chan struct{})
		}
	}
	empty := r.empty
	r.mu.Unlock()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	n := len(r.running)
	for x := range r.running {
		x.ctx.Cancel(cutTrap())
	}
	r.mu.Unlock()
	late := time.NewTimer(cutTime)
	defer late.Stop()
	select {
	case <-empty:
	case <-late.C: // a host function ignores the end of its context
		return fmt.Errorf("trigger http: %s: some requests that were cut did not end", r.pattern.text)
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("trigger http: %s: %d requests were cut: %w", r.pattern.text, n, context.Cause(ctx))
}

// table is the routes of all workloads, the most specific first.
type table struct {
	mu     sync.RWMutex
	routes []*route
	trust  []*proxies // of the routes, each once
}

// add adds all of rs or none. Those that replaced chooses are removed at the same time, and rs may be in their places; nil: none are.
func (t *table) add(rs []*route, replaced func(*route) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var stay []*route
	for _, r := range t.routes {
		if replaced == nil || !replaced(r) {
			stay = append(stay, r)
		}
	}
	for i, r := range rs {
		for _, other := range append(stay[:len(stay):len(stay)], rs[:i]...) {
			if r.conflicts(&other.matcher) {
				return fmt.Errorf("trigger http: %s: %s serves it already", &r.matcher, other.workload)
			}
		}
	}
	for _, r := range t.routes {
		r.gone = replaced != nil && replaced(r)
	}
	t.routes = stay
	for _, r := range rs {
		if r.proxies != nil {
			if at := slices.IndexFunc(t.trust, r.proxies.same); at >= 0 {
				r.proxies = t.trust[at]
			} else {
				t.trust = append(slices.Clone(t.trust), r.proxies)
			}
		}
		at := 0
		for at < len(t.routes) && t.routes[at].compare(&r.matcher) <= 0 {
			at++
		}
		t.routes = slices.Insert(slices.Clone(t.routes), at, r)
	}
	t.forget()
	return nil
}

func (t *table) remove(r *route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.gone = true
	t.routes = slices.DeleteFunc(t.routes, func(other *route) bool { return other == r })
	t.forget()
}

// enter counts an exchange in to a route that find has returned. found is false if the route has been replaced or removed since: another one
// may be in its place.
func (t *table) enter(r *route, x *exchange) (found, entered bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r.gone {
		return false, false
	}
	return true, r.enter(x)
}

// forget drops proxies that no route believes any more. t.mu is held.
func (t *table) forget() {
	t.trust = slices.DeleteFunc(slices.Clone(t.trust), func(p *proxies) bool {
		return !slices.ContainsFunc(t.routes, func(r *route) bool { return r.proxies == p })
	})
}

// find returns the most specific route for a request; nil if there is none. allowed are the methods of those that are for other methods
// only.
func (t *table) find(method, host, path string) (r *route, allowed []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, r := range t.routes {
		if !r.pattern.covers(path) || !r.coversHost(host) {
			continue
		}
		if r.allows(method) {
			return r, nil
		}
		allowed = append(allowed, r.methods...)
	}
	return nil, allowed
}

// proxies are those that routes believe. The list must not be changed.
func (t *table) proxies() []*proxies {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.trust
}

func (t *table) all() []*route {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]*route(nil), t.routes...)
}

// longest is the longest deadline of all routes.
func (t *table) longest() (d time.Duration) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, r := range t.routes {
		d = max(d, r.deadline)
	}
	return d
}
