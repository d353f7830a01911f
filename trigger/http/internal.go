package http

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

var _ host.InternalServer = (*Trigger)(nil)

// maxNested bounds the depth of requests between components below one request from outside.
const maxNested = 16

// Internal implements host.InternalServer. An internal exchange behaves like one over HTTP/2: bodies are streamed, the called component's
// pool, limits and deadline apply, and the exchange ends when its client goes away.
func (t *Trigger) Internal(w *workload.Spec, inv host.Invoker) http.Handler {
	return &internal{t: t, w: w, inv: inv}
}

// internal serves requests between the components of one workload.
type internal struct {
	t   *Trigger
	w   *workload.Spec
	inv host.Invoker

	mu     sync.Mutex
	routes map[string]*route // by component; nil for one that cannot be called, which has been logged
	reach  map[string]map[string]bool
}

// nesting lists the components that a request has passed through, the innermost first. It is the context of an exchange, for its values.
type nesting struct {
	context.Context
	target string // workload.TriggerSpec.Target
	outer  *nesting
	depth  int // the number of outer ones
}

type nestingKey struct{}

// Value is context.Context's.
func (n *nesting) Value(key any) any {
	if key == (nestingKey{}) {
		return n
	}
	return n.Context.Value(key)
}

// circular says whether a request from n to a component might deadlock: the grants let the component's own requests lead back to a
// component of n, whose instance waits for this request.
func (p *internal) circular(n *nesting, component string) bool {
	if n == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to := p.leadsTo(component)
	for ; n != nil; n = n.outer {
		if to[n.target] {
			return true
		}
	}
	return false
}

// leadsTo returns the components that a component's requests can reach, itself included. p.mu is held.
func (p *internal) leadsTo(component string) map[string]bool {
	if found, known := p.reach[component]; known {
		return found
	}
	found, in := map[string]bool{component: true}, map[string]bool{}
	for next := []string{component}; len(next) > 0; next = next[1:] {
		c := p.w.Component(next[0])
		if c == nil || in[c.Name] {
			continue
		}
		in[c.Name] = true
		for _, linked := range c.Links { // they share an instance
			next = append(next, linked)
		}
		for _, other := range p.w.Components {
			if c.Grants.AllowsHTTP("http", other.Name+workload.InternalSuffix, "80") {
				found[other.Name] = true
				next = append(next, other.Name)
			}
		}
	}
	if p.reach == nil {
		p.reach = map[string]map[string]bool{}
	}
	p.reach[component] = found
	return found
}

// route returns the route of a component; nil if it cannot be called.
func (p *internal) route(name string) *route {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, known := p.routes[name]; known {
		return r
	}
	r, err := p.t.newRoute(p.w, &workload.TriggerSpec{Type: TypeName, Component: name}, p.inv)
	switch {
	case errors.Is(err, host.ErrNotStarted):
		return nil // it may be called later
	case p.w.Component(name) == nil:
		p.t.config.Logger.Warn("a component asks for one that the workload does not have", "workload", string(p.w.ID()),
			"host", name+workload.InternalSuffix, "components", strings.Join(p.components(), ", "))
	case err != nil:
		p.t.config.Logger.Warn("a component asks for one that cannot be called: it is only linked to others, or has no handler; a grant of "+
			"http://NAME.internal by its name has it linked by itself", "workload", string(p.w.ID()), "host", name+workload.InternalSuffix, "reason", err)
	}
	if p.routes == nil {
		p.routes = map[string]*route{}
	}
	p.routes[name] = r
	return r
}

func (p *internal) components() []string {
	var names []string
	for _, c := range p.w.Components {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// ServeHTTP implements [http.Handler] for requests without a connection. A request that cannot reach its component makes it panic with
// an *[wasihttp.Error].
func (p *internal) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name, _, _ := strings.Cut(strings.ToLower(req.Host), ".")
	r := p.route(name)
	outer, _ := req.Context().Value(nestingKey{}).(*nesting)
	switch {
	case r == nil:
		panic(wasihttp.Errorf(wasihttp.DNSError, "NXDOMAIN"))
	case outer != nil && outer.depth >= maxNested:
		panic(wasihttp.Errorf(wasihttp.LoopDetected, "%d requests of components to each other, one within the other", maxNested))
	}
	// The called component does not see its caller's context, which is that of a guest's call.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(req.Context(), cancel)()
	in := new(http.Request)
	*in = *req.WithContext(ctx)
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/2.0", 2, 0 // an exchange of its own, which may read while it answers
	if in.Body != http.NoBody {
		in.Body = passedBody{req.Body}
	}
	dropMount(in.Header)
	x := &exchange{r: in, route: r, outer: outer, noWait: p.circular(outer, name)}
	x.control.rc = *http.NewResponseController(w)
	defer x.control.end()
	if p.t.front.accept(x, w, p.t.front.begin()) {
		p.t.front.exchange(x, w)
	}
}

// passedBody is the body of a request between two components.
type passedBody struct{ io.ReadCloser }

// Read implements io.Reader. A body that the caller breaks off fails as if the connection had broken.
func (b passedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
