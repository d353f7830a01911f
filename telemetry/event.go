package telemetry

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// event is the hooks of the outermost boundary: a trigger's event, which causes invocations.
type event struct {
	boundaryBase
	b        *cm.Boundary
	nonHTTP  boundaryBase                // of an event that is no request: a timer, a command
	message  boundaryBase                // of a message
	lastName atomic.Pointer[requestName] // the last name; a boundary rarely sees two
}

// requestName is the name of the spans of a method and a route.
type requestName struct{ method, route, name string }

func newEvent(b *cm.Boundary, e boundaryBase) *event {
	h := &event{boundaryBase: e, b: b, nonHTTP: e}
	h.nonHTTP.tmpl = e.tmpl.As(trace.SpanKindInternal)
	h.nonHTTP.name = string(b.Caller) + " " + b.Callee.Name()
	if b.Func != "" {
		h.nonHTTP.name = string(b.Caller) + " " + b.Func
	}
	h.message = e
	h.message.tmpl = e.tmpl.As(trace.SpanKindConsumer)
	h.message.name = operationProcess + " " + b.Func
	return h
}

// spanName is the method, with the route if there is one.
func (h *event) spanName(method, route string) string {
	method = methodName(method)
	if route == "" {
		return method
	}
	n := h.lastName.Load()
	if n == nil || n.method != method || n.route != route {
		n = &requestName{method, route, method + " " + route}
		h.lastName.Store(n)
	}
	return n.name
}

// eventState is an event's state from Enter to Exit.
type eventState struct {
	span   *span.Span // nil when it is not sampled
	ctx    context.Context
	remote trace.SpanContext // the event's remote context, if it has one
	http   host.HTTPSubject  // nil for an event of another kind
	req    *http.Request     // its request; nil for an event that is no request
	method string            // as it came; the handler may change req
	rpc    bool              // it is a call by gRPC
	active *bound.Adder

	trapReported    atomic.Bool // a trap was reported
	backendReported atomic.Bool // so was a backend that has failed

	joined trace.TraceID // the trace that its workload takes part in until the event ends; zero for none
}

// eventOf returns the state of the event that caused c; nil if there is none.
func eventOf(c *cm.Call) *eventState {
	for ; c != nil; c = c.Parent {
		if st, ok := c.State.(*eventState); ok {
			return st
		}
	}
	return nil
}

// Enter extracts the request's trace context and opens the span.
func (h *event) Enter(c *cm.Call) context.Context {
	st := &eventState{ctx: c.Context}
	if s, ok := c.Subject.(host.HTTPSubject); ok {
		st.http, st.req = s, s.HTTPRequest()
	}
	if st.req == nil {
		h.startOther(st, c)
		c.State = st
		h.join(st)
		return st.ctx
	}
	st.method, st.rpc = st.req.Method, grpchttp.Is(st.req.Header)
	scheme := requestScheme(st.req)
	if h.p.m != nil {
		st.active = h.p.m.active.get(activeKey{method: knownMethod(st.method), scheme: scheme})
		st.active.Add(c.Context, 1)
	}
	if !trace.SpanContextFromContext(st.ctx).IsValid() {
		st.ctx = h.i.t.extract(st.ctx, st.req.Header)
		st.remote = trace.SpanContextFromContext(st.ctx)
	}
	if !h.p.neverSampled(st.ctx) {
		route := st.http.HTTPRoute()
		st.span = h.p.tracer.Open(st.ctx, h.tmpl, h.spanName(st.method, route), c.Start)
		if st.span.IsRecording() {
			requestAttributes(st.span, st.req, scheme, route)
			clientAttributes(st.span, st.http, st.req)
		}
		st.ctx = st.span.Start()
	}
	c.State = st
	h.join(st)
	return st.ctx
}

// join notes that the event's workload takes part in the event's trace.
func (h *event) join(st *eventState) {
	if !h.i.t.guestsTrace.Load() {
		return
	}
	sc := trace.SpanContextFromContext(st.ctx)
	if !sc.IsSampled() && !st.remote.IsValid() { // nobody else knows a trace that begins here and is not recorded
		return
	}
	if sc.HasTraceID() {
		st.joined = sc.TraceID()
		h.i.t.members.join(st.joined, h.p.member)
	}
}

// requestAttributes sets a request's attributes on a span that is being opened.
func requestAttributes(s *span.Span, r *http.Request, scheme, route string) {
	method := knownMethod(r.Method)
	s.Str(attrMethod, method)
	if method != r.Method {
		s.Str(attrMethodOriginal, r.Method)
	}
	s.Str(attrScheme, scheme)
	if route != "" {
		s.Str(attrRoute, route)
	}
	if r.URL != nil {
		s.Str(attrPath, r.URL.Path)
		if r.URL.RawQuery != "" {
			s.Str(attrQuery, redact.Query(r.URL.RawQuery))
		}
	}
	if host, port := hostPort(r.Host, scheme); host != "" {
		s.Str(attrServerAddress, host)
		if port != 0 {
			s.Int(attrServerPort, int64(port))
		}
	}
	if ua := r.UserAgent(); ua != "" {
		s.Str(attrUserAgent, ua)
	}
	if v := protocolVersion(r.ProtoMajor, r.ProtoMinor); v != "" {
		s.Str(attrProtocol, v)
	}
	if grpchttp.Is(r.Header) && r.URL != nil {
		rpcRequest(s, r.URL.Path)
	}
}

// clientAttributes sets who has sent a request: its peer, and the client that is behind that, if it is known.
func clientAttributes(s *span.Span, subject host.HTTPSubject, r *http.Request) {
	client := ""
	if c, ok := subject.(host.HTTPClient); ok {
		client = c.HTTPClient()
	}
	peer, port, err := net.SplitHostPort(r.RemoteAddr)
	if err == nil {
		s.Str(attrPeerAddress, peer)
		if n, err := strconv.Atoi(port); err == nil {
			s.Int(attrPeerPort, int64(n))
		}
	}
	if client = cmp.Or(client, peer); client != "" {
		s.Str(attrClientAddress, client)
	}
}

// Exit ends the span and measures.
func (h *event) Exit(c *cm.Call, end cm.End) {
	st, _ := c.State.(*eventState)
	if st == nil {
		return
	}
	if st.joined.IsValid() {
		h.i.t.members.leave(st.joined)
	}
	var v outcome
	var status int
	var called *rpcStatus
	var took time.Duration // of a request
	if st.req == nil {
		v = classify(&end)
	} else {
		v, status, called = classifyRequest(st.http, st.rpc, &end)
		took = time.Since(c.Start)
		h.measure(st, status, took, &v)
		h.i.t.access(st.ctx, h.i.id, c, st.http, st.method, &v)
	}
	if m, ok := c.Subject.(host.MessageSubject); ok {
		h.measureMessage(c, st, m, &v)
	}
	if v.trap == nil && v.failed() && v.message != "" && (st.req != nil || v.exit == 0) { // no call below the event reports it; a command may exit with an error
		h.p.exception(st.ctx, string(h.b.Callee), &v)
	}
	h.report(st.ctx, c, h.b.Callee, &v)
	if st.span == nil || !st.span.IsRecording() && !h.keep(st, took, &v) {
		return
	}
	h.describe(st, status, called, &end)
	v.annotate(st.span)
	if v.failed() && v.message == "" { // a status code speaks for itself
		st.span.SetStatus(codes.Error, "")
	}
	st.span.End()
}

// keep records a request that was not sampled, if the sampler wants it now that its end is known.
func (h *event) keep(st *eventState, took time.Duration, v *outcome) bool {
	if st.req == nil {
		return false
	}
	route := st.http.HTTPRoute()
	kept := st.span.Kept(h.tmpl, h.spanName(st.method, route), took, v.failed())
	if kept == nil {
		return false
	}
	as := *st.req
	as.Method = st.method
	requestAttributes(kept, &as, requestScheme(st.req), route)
	clientAttributes(kept, st.http, st.req)
	st.span = kept
	return true
}

// describe sets the attributes that are known at the end.
func (h *event) describe(st *eventState, status int, called *rpcStatus, end *cm.End) {
	st.span.Lock()
	defer st.span.Unlock()
	called.describe(st.span)
	if status != 0 {
		st.span.Int(attrStatus, int64(status))
	}
	if st.http != nil {
		in, out := st.http.HTTPBodySizes()
		st.span.Int(attrRequestSize, in)
		st.span.Int(attrResponseSize, out)
	}
	setTimes(st.span, end)
}

func (h *event) measure(st *eventState, status int, took time.Duration, v *outcome) {
	m := h.p.m
	if m == nil {
		return
	}
	key := serverKey{
		method: knownMethod(st.method), scheme: requestScheme(st.req),
		protocol: protocolVersion(st.req.ProtoMajor, st.req.ProtoMinor), errorType: v.errorType, status: status,
	}
	key.route = st.http.HTTPRoute()
	by := m.server.get(key)
	st.active.Add(st.ctx, -1)
	by.duration.Record(st.ctx, took)
	in, out := st.http.HTTPBodySizes()
	by.request.Record(st.ctx, in)
	by.response.Record(st.ctx, out)
}
