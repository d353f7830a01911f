package telemetry

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
)

// The powers by which the subject of an event is known; see host.Invocation.
type (
	httpSubject interface{ HTTPRequest() *http.Request }
	httpRoute   interface{ HTTPRoute() string }
	httpStatus  interface{ HTTPStatus() int }
	httpSizes   interface {
		HTTPBodySizes() (request, response int64)
	}
)

// event is the hooks of the outermost boundary: something outside that a trigger turns into an invocation.
type event struct {
	edge
	b *cm.Boundary
}

// eventState is what an event carries from Enter to Exit.
type eventState struct {
	span   trace.Span // nil when it is not sampled
	ctx    context.Context
	remote trace.SpanContext // who caused the event, if it said so
	req    *http.Request     // nil for an event that is no request
	method string            // as it came; the handler may change req
	active *bound.Adder

	trapped atomic.Bool // a trap was reported
}

// eventOf is the state of the event that caused c; nil where there is none.
func eventOf(c *cm.Call) *eventState {
	for ; c != nil; c = c.Parent {
		if st, ok := c.State.(*eventState); ok {
			return st
		}
	}
	return nil
}

// Enter takes over the trace that the event belongs to, and opens the span.
func (h *event) Enter(c *cm.Call) context.Context {
	st := &eventState{ctx: c.Context}
	if s, ok := c.Subject.(httpSubject); ok {
		st.req = s.HTTPRequest()
	}
	if st.req == nil {
		h.enterPlain(c, st)
		c.State = st
		return st.ctx
	}
	st.method = st.req.Method
	scheme := requestScheme(st.req)
	if h.p.m != nil {
		st.active = h.p.m.active.get(activeKey{method: knownMethod(st.method), scheme: scheme})
		st.active.Add(c.Context, 1)
	}
	if !trace.SpanContextFromContext(st.ctx).IsValid() {
		st.ctx = h.i.t.prop.Extract(st.ctx, propagation.HeaderCarrier(st.req.Header))
		st.remote = trace.SpanContextFromContext(st.ctx)
	}
	if !h.p.quiet(st.ctx) {
		attrs := h.requestAttributes(st.req, scheme)
		name := methodName(st.method)
		if s, ok := c.Subject.(httpRoute); ok {
			if route := s.HTTPRoute(); route != "" {
				name += " " + route
				attrs = append(attrs, semconv.HTTPRoute(route))
			}
		}
		st.ctx, st.span = h.p.tracer.Start(st.ctx, name, append(h.open[:len(h.open):len(h.open)], trace.WithAttributes(attrs...))...)
	}
	c.State = st
	return st.ctx
}

// enterPlain opens the span of an event that is no request: a timer, a command.
func (h *event) enterPlain(c *cm.Call, st *eventState) {
	if h.p.quiet(st.ctx) {
		return
	}
	name := string(h.b.Caller) + " " + short(h.b.Callee)
	if h.b.Func != "" {
		name = string(h.b.Caller) + " " + h.b.Func
	}
	st.ctx, st.span = h.p.tracer.Start(c.Context, name, append(h.open[:len(h.open):len(h.open)], trace.WithSpanKind(trace.SpanKindInternal))...)
}

func (h *event) requestAttributes(r *http.Request, scheme string) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 16)
	attrs = append(attrs, methodAttr(r.Method), semconv.URLScheme(scheme))
	if _, known := methods[r.Method]; !known {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(r.Method))
	}
	if r.URL != nil {
		attrs = append(attrs, semconv.URLPath(r.URL.Path))
		if r.URL.RawQuery != "" {
			attrs = append(attrs, semconv.URLQuery(redact.Query(r.URL.RawQuery)))
		}
	}
	if host, port := hostPort(r.Host, scheme); host != "" {
		attrs = append(attrs, semconv.ServerAddress(host))
		if port != 0 {
			attrs = append(attrs, semconv.ServerPort(port))
		}
	}
	if host, port, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		attrs = append(attrs, semconv.ClientAddress(host), semconv.NetworkPeerAddress(host))
		if n, err := strconv.Atoi(port); err == nil {
			attrs = append(attrs, semconv.NetworkPeerPort(n))
		}
	}
	if ua := r.UserAgent(); ua != "" {
		attrs = append(attrs, semconv.UserAgentOriginal(ua))
	}
	if v := protocolVersion(r.ProtoMajor, r.ProtoMinor); v != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(v))
	}
	return attrs
}

// Exit closes the span and measures.
func (h *event) Exit(c *cm.Call, end cm.End) {
	st, _ := c.State.(*eventState)
	if st == nil {
		return
	}
	v := judge(&end)
	status := 0
	if s, ok := c.Subject.(httpStatus); ok && st.req != nil {
		status = s.HTTPStatus()
	}
	if !v.failed() && status >= 500 {
		v.errorType = strconv.Itoa(status)
	}
	if st.req != nil {
		h.measure(c, st, status, &v)
	}
	h.report(st.ctx, c, h.b.Callee, &v)
	if st.span == nil {
		return
	}
	h.describe(c, st, status, &end)
	v.mark(st.span)
	if v.failed() && v.message == "" { // a status code speaks for itself
		st.span.SetStatus(codes.Error, "")
	}
	st.span.End()
}

func (h *event) describe(c *cm.Call, st *eventState, status int, end *cm.End) {
	if !st.span.IsRecording() {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 8)
	if status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(status))
	}
	if s, ok := c.Subject.(httpSizes); ok {
		in, out := s.HTTPBodySizes()
		attrs = append(attrs, semconv.HTTPRequestBodySize(int(in)), semconv.HTTPResponseBodySize(int(out)))
	}
	st.span.SetAttributes(times(attrs, end)...)
}

func (h *event) measure(c *cm.Call, st *eventState, status int, v *verdict) {
	m := h.p.m
	if m == nil {
		return
	}
	key := serverKey{
		method: knownMethod(st.method), scheme: requestScheme(st.req),
		protocol: protocolVersion(st.req.ProtoMajor, st.req.ProtoMinor), errorType: v.errorType, status: status,
	}
	if s, ok := c.Subject.(httpRoute); ok {
		key.route = s.HTTPRoute()
	}
	by := m.server.get(key)
	st.active.Add(st.ctx, -1)
	by.duration.Record(st.ctx, time.Since(c.Start))
	if s, ok := c.Subject.(httpSizes); ok {
		in, out := s.HTTPBodySizes()
		by.request.Record(st.ctx, in)
		by.response.Record(st.ctx, out)
	}
}
