package http

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

var _ host.InternalServer = (*Trigger)(nil)

// maxNested is how many requests of components to each other there may be below one from outside.
const maxNested = 16

// Internal is host.InternalServer's. An exchange is like one that came over HTTP/2: its bodies pass as they are read, it has the pool,
// limits and deadline of its component, and it ends with its client.
func (t *Trigger) Internal(w *workload.Spec, inv host.Invoker) http.RoundTripper {
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

// RoundTrip is [http.RoundTripper]'s.
func (p *internal) RoundTrip(req *http.Request) (*http.Response, error) {
	name, _ := workload.InternalComponent(req.URL.Scheme, req.URL.Hostname(), "80")
	r := p.route(name)
	outer, _ := req.Context().Value(nestingKey{}).(*nesting)
	switch {
	case r == nil:
		closeBody(req)
		return nil, &net.DNSError{Err: "no such component in the workload", Name: req.URL.Hostname(), IsNotFound: true}
	case outer != nil && outer.depth >= maxNested:
		closeBody(req)
		return nil, wasihttp.Errorf(wasihttp.LoopDetected, "%d requests of components to each other, one within the other", maxNested)
	}
	// The component that is called knows of its caller what a server knows of a client: not its context, which is that of a guest's call.
	ctx, cancel := context.WithCancel(context.Background())
	at, from := net.Pipe() // whoever writes waits for the reader, and heeds a deadline
	w := &pipeWriter{header: http.Header{}, bodiless: req.Method == http.MethodHead, conn: at, head: make(chan *http.Response, 1)}
	w.body.conn, w.body.leave = from, cancel
	leave := context.AfterFunc(req.Context(), func() {
		cancel()
		_ = from.Close()
	})
	x := &exchange{r: received(ctx, req), route: r, outer: outer}
	x.noWait = p.circular(outer, name)
	x.control.rc = *http.NewResponseController(w)
	trace := httptrace.ContextClientTrace(req.Context())
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	x.r.Body = &passedBody{body: req.Body, trace: trace}
	if req.Body == nil || req.Body == http.NoBody {
		x.r.Body = http.NoBody
		wroteRequest(trace)
	}
	go func() {
		defer cancel()
		defer leave()
		defer closeBody(req)
		defer x.control.end()
		w.serve(&p.t.front, x)
	}()
	select {
	case resp := <-w.head:
		if trace != nil && trace.GotFirstResponseByte != nil {
			trace.GotFirstResponseByte()
		}
		if resp == nil {
			return nil, io.ErrUnexpectedEOF
		}
		resp.Request = req
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func wroteRequest(trace *httptrace.ClientTrace) {
	if trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

// received is a request as a server has it.
func received(ctx context.Context, req *http.Request) *http.Request {
	h := http.Header{}
	for name, values := range req.Header {
		if len(values) > 0 && name != contentLength {
			h[name] = slices.Clone(values)
		}
	}
	if req.ContentLength > 0 {
		h[contentLength] = []string{strconv.FormatInt(req.ContentLength, 10)}
	}
	r := (&http.Request{Method: req.Method, URL: req.URL, Host: req.Host, Header: h, ContentLength: req.ContentLength, Trailer: req.Trailer,
		Proto: "HTTP/2.0", ProtoMajor: 2}).WithContext(ctx)
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	r.RequestURI = target(r)
	return r
}

// passedBody is a request's body on its way from one component to another.
type passedBody struct {
	body  io.ReadCloser
	trace *httptrace.ClientTrace
	once  sync.Once
}

// Read is io.Reader's. A body that the caller breaks off is like one whose connection has broken.
func (b *passedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err == io.EOF {
		b.once.Do(func() { wroteRequest(b.trace) })
	} else if err != nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *passedBody) Close() error { return b.body.Close() }

// pipeWriter is the ResponseWriter of one exchange; what is written is the body of a response.
type pipeWriter struct {
	header   http.Header
	conn     net.Conn // the writer's end
	bodiless bool
	wrote    bool
	head     chan *http.Response // gets it once; nil: there is none
	body     pipeBody
	trailer  http.Header
}

// serve has the exchange answer, and ends the response as that does.
func (w *pipeWriter) serve(f *front, x *exchange) {
	whole := false
	defer func() {
		if r := recover(); r != nil && r != any(http.ErrAbortHandler) {
			f.log.Error("panic in an exchange between components; please report this", "panic", r)
		}
		if !w.wrote {
			w.head <- nil
		}
		for name, values := range w.header {
			if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && w.trailer != nil {
				w.trailer[trailer] = values
			}
		}
		w.body.broken.Store(!whole)
		_ = w.conn.Close()
	}()
	if f.accept(x, w) {
		f.exchange(x, w)
	}
	whole = true
}

// Header is http.ResponseWriter's.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader is http.ResponseWriter's. The response is there at once.
func (w *pipeWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	h := http.Header{}
	for name, values := range w.header {
		if len(values) > 0 && !strings.HasPrefix(name, http.TrailerPrefix) {
			h[name] = values
		}
	}
	w.trailer = http.Header{}
	resp := &http.Response{Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: maps.Clone(h), Trailer: w.trailer, Body: &w.body, ContentLength: -1}
	if n, err := strconv.ParseInt(h.Get(contentLength), 10, 64); err == nil && n >= 0 {
		resp.ContentLength = n
	}
	if w.bodiless || status == http.StatusNoContent || status == http.StatusNotModified {
		w.bodiless = true
		resp.Body = http.NoBody
	}
	w.head <- resp
}

// Write is http.ResponseWriter's: it waits until p has been read.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.bodiless {
		return len(p), nil
	}
	return w.conn.Write(p)
}

// FlushError, SetWriteDeadline and EnableFullDuplex are what [http.ResponseController] asks of a writer.
func (w *pipeWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return nil
}

func (w *pipeWriter) SetWriteDeadline(t time.Time) error { return w.conn.SetWriteDeadline(t) }

func (w *pipeWriter) EnableFullDuplex() error { return nil }

// pipeBody is the body of the response.
type pipeBody struct {
	conn   net.Conn    // the reader's end
	leave  func()      // tells the component that its client has gone
	ended  atomic.Bool // it has been read to its end
	broken atomic.Bool // the body ends before its end; set before the writer's end is closed
}

// Read is io.Reader's.
func (b *pipeBody) Read(p []byte) (int, error) {
	n, err := b.conn.Read(p)
	if err == io.EOF {
		b.ended.Store(true)
		if b.broken.Load() {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// Close is io.Closer's: nobody wants the rest.
func (b *pipeBody) Close() error {
	if !b.ended.Load() {
		b.leave()
	}
	return b.conn.Close()
}
