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

// maxNested is how many requests of components to each other there may be below one from outside.
const maxNested = 16

// Internal is host.InternalServer's. An exchange is like one that came over HTTP/2: its bodies pass as they are read, it has the pool,
// limits and deadline of its component, and it ends with its client.
func (t *Trigger) Internal(w *workload.Spec, inv host.Invoker) http.Handler {
	return &internal{t: t, w: w, inv: inv}
}

// internal hands requests to components of one workload.
type internal struct {
	t   *Trigger
	w   *workload.Spec
	inv host.Invoker

	mu     sync.Mutex
	routes map[string]*route // by component; nil for one that cannot be called, of which the operator has been told
	reach  map[string]map[string]bool
}

// nesting is what a request has come through, innermost first. It is the context of an exchange, for its values.
type nesting struct {
	context.Context
	target string // workload.TriggerSpec.Target
	outer  *nesting
	depth  int // of outer ones
}

type nestingKey struct{}

// Value is context.Context's.
func (n *nesting) Value(key any) any {
	if key == (nestingKey{}) {
		return n
	}
	return n.Context.Value(key)
}

// circular says whether a request of n's to a component might wait for an instance of it that waits, over others, for n's: grants let the
// component's requests lead back to where n's have come through.
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

// leadsTo are the components that requests of one, which is among them, can come to. p.mu is held.
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

// route finds the component's.
func (p *internal) route(name string) *route {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, known := p.routes[name]; known {
		return r
	}
	r, err := p.t.newRoute(p.w, &workload.TriggerSpec{Type: TypeName, Component: name}, p.inv)
	switch {
	case errors.Is(err, host.ErrNotStarted):
		return nil // it is there later
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

// ServeHTTP is [http.Handler]'s, for requests that never were on a connection. What keeps one from its component is an *[wasihttp.Error]
// that it panics with.
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
	// The component that is called knows of its caller what a server knows of a client: not its context, which is that of a guest's call.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(req.Context(), cancel)()
	in := new(http.Request)
	*in = *req.WithContext(ctx)
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/2.0", 2, 0 // an exchange for itself, which may read on while it answers
	if in.Body != http.NoBody {
		in.Body = passedBody{req.Body}
	}
	x := &exchange{r: in, route: r, outer: outer, noWait: p.circular(outer, name)}
	x.control.rc = *http.NewResponseController(w)
	defer x.control.end()
	if p.t.front.accept(x, w) {
		p.t.front.exchange(x, w)
	}
}

// passedBody is a request's body on its way from one component to another.
type passedBody struct{ io.ReadCloser }

// Read is io.Reader's. A body that the caller breaks off is like one whose connection has broken.
func (b passedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
