package telemetry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// outgoing is the interface of the first argument's resource in a call that sends a request. The header is the one that is sent;
// it may be changed until the call enters the host function.
type outgoing interface {
	OutgoingMethod() string
	OutgoingURL() *url.URL
	OutgoingHeader() http.Header
}

// clientCall is the hooks of an outgoing request: a CLIENT span that lasts until the last byte of the response, which comes after
// the host function has returned, and before the call's end if the guest reads the response late.
type clientCall struct {
	*hostCall
	request *span.Template
}

func newClientCall(base *hostCall) cm.Hooks {
	return &clientCall{base, base.tmpl.As(trace.SpanKindClient)}
}

// CountOnly is false: the measurements depend on the response, and the request carries the context.
func (h *clientCall) CountOnly() bool { return false }

// outgoingTimes is an optional interface of such a resource, for an exchange that has ended: the times from its start until the
// head and until the last byte of the response, and for how long the guest's not reading kept bytes from coming.
type outgoingTimes interface {
	OutgoingTimes() (head, total, stalled time.Duration)
}

type clientState struct {
	span      *span.Span // nil when it is not sampled
	ctx       context.Context
	req       outgoing
	key       clientKey
	ended     func() // is to be called at the end; nil: nothing is
	rpc       bool   // it is a call by gRPC
	errorCase string // the case of the WIT error that the host function returned
}

// Enter opens the span and injects its context into the request.
func (h *clientCall) Enter(c *cm.Call) context.Context {
	req := outgoingOf(c)
	if req == nil {
		return h.hostCall.Enter(c)
	}
	u := req.OutgoingURL()
	if u == nil {
		u = &url.URL{}
	}
	if isExport(u) {
		c.State = exportState{}
		h.p.pendingCalls.Add(1)
		return c.Context
	}
	st := &clientState{ctx: h.parentContext(c), req: req, key: clientKey{method: knownMethod(req.OutgoingMethod())}}
	st.key.address, st.key.port = hostPort(u.Host, u.Scheme)
	if st.key.port == 0 {
		st.key.port = defaultPort(u.Scheme)
	}
	c.State = st
	h.p.pendingCalls.Add(1)
	header := req.OutgoingHeader()
	st.rpc = grpchttp.Is(header)
	if h.i.records(h.detail) && !h.p.neverSampled(st.ctx) {
		h.begin(c, st, req.OutgoingMethod(), u, header)
	}
	if st.span != nil {
		st.ended = sends(c.Parent)
	}
	switch {
	case header == nil:
	case st.span != nil:
		h.i.t.inject(st.ctx, header)
	default:
		h.i.t.injectMissing(st.ctx, header)
	}
	return st.ctx
}

// exportState is the state of a request to the host's collector, which carries telemetry: telemetry of it would be carried by another
// one, and so on. It is only counted.
type exportState struct{}

func isExport(u *url.URL) bool {
	return u != nil && strings.EqualFold(u.Hostname(), otel.CollectorHost)
}

// countExport counts a request to the host's collector.
func (h *clientCall) countExport(end *cm.End) {
	defer h.p.pendingCalls.Add(-1)
	if h.p.m == nil {
		return
	}
	kv := keyOutcome.String(end.Outcome.String())
	if resp, ok := end.Value.(*http.Response); ok && resp != nil {
		kv = semconv.HTTPResponseStatusCode(resp.StatusCode)
	}
	h.p.m.guestExports.With(append(h.p.part(h.b.Caller), kv)...).Add(context.Background(), 1)
}

// outgoingOf returns the request that c sends; nil if its first argument is none.
func outgoingOf(c *cm.Call) outgoing {
	args, typ := c.Args(), c.Boundary.Type
	if len(args) == 0 || typ == nil || !isResource(typ, 0) {
		return nil
	}
	req, _ := args[0].Resource().Obj.(outgoing)
	return req
}

func isResource(t *cm.FuncType, i int) bool {
	if i >= len(t.Params) {
		return false
	}
	k := t.Params[i].Type.Kind
	return k == cm.KindOwn || k == cm.KindBorrow
}

func (h *clientCall) begin(c *cm.Call, st *clientState, method string, u *url.URL, header http.Header) {
	parent, link := h.guestParent(c, st.ctx, header)
	s := h.p.tracer.Open(parent, h.request, methodName(method), c.Start)
	if s.IsRecording() {
		s.Str(attrMethod, st.key.method)
		s.Str(attrURLFull, redact.URL(u))
		s.Str(attrServerAddress, st.key.address)
		s.Int(attrServerPort, int64(st.key.port))
		s.Str(attrScheme, u.Scheme)
		if st.key.method != method {
			s.Str(attrMethodOriginal, method)
		}
		if st.rpc {
			rpcRequest(s, u.Path)
		}
		if link.IsValid() {
			s.AddLink(trace.Link{SpanContext: link})
		}
	}
	st.ctx, st.span = s.Start(), s
}

// guestParent returns the parent that the guest itself set in its request's headers. A span of the same trace, one of the guest's
// own, becomes the parent; a copy of the incoming request's context does not, which would make a sibling of the guest's span. A
// context of another trace becomes a link.
func (h *clientCall) guestParent(c *cm.Call, ctx context.Context, header http.Header) (context.Context, trace.SpanContext) {
	if header == nil {
		return ctx, trace.SpanContext{}
	}
	ours := trace.SpanContextFromContext(ctx)
	own := h.i.t.contextOf(header)
	switch {
	case !own.IsValid() || own.SpanID() == ours.SpanID():
	case own.TraceID() != ours.TraceID():
		return ctx, own
	case own.SpanID() == remoteOf(c).SpanID():
	default:
		return trace.ContextWithRemoteSpanContext(ctx, own.WithTraceFlags(ours.TraceFlags())), trace.SpanContext{}
	}
	return ctx, trace.SpanContext{}
}

// remoteOf is the remote context of the event that caused c.
func remoteOf(c *cm.Call) trace.SpanContext {
	if st := eventOf(c); st != nil {
		return st.remote
	}
	return trace.SpanContext{}
}

// Returned notes an error result while the results are readable.
func (h *clientCall) Returned(c *cm.Call) { h.noteErrorCase(c) }

func (h *clientCall) noteErrorCase(c *cm.Call) {
	if st, ok := c.State.(*clientState); ok && st.errorCase == "" {
		st.errorCase = h.result.errorCase(c.Results())
	}
}

// Exit ends the span after the response or the failure.
func (h *clientCall) Exit(c *cm.Call, end cm.End) {
	if _, ok := c.State.(exportState); ok {
		h.countExport(&end)
		return
	}
	st, ok := c.State.(*clientState)
	if !ok {
		h.hostCall.Exit(c, end)
		return
	}
	defer h.p.pendingCalls.Add(-1)
	if st.ended != nil {
		st.ended()
	}
	if end.Outcome == cm.OK && !c.Held() {
		h.noteErrorCase(c)
	}
	v := h.classify(st, &end)
	resp, _ := end.Value.(*http.Response)
	if resp != nil {
		st.key.status, st.key.protocol = resp.StatusCode, protocolVersion(resp.ProtoMajor, resp.ProtoMinor)
		if resp.StatusCode >= 400 && !v.failed() {
			v.errorType = strconv.Itoa(resp.StatusCode)
		}
	}
	var called *rpcStatus
	if st.rpc {
		if called = statusReceived(st.req, resp); called != nil && called.code != grpchttp.OK && !v.failed() {
			v.errorType = called.code.String()
		}
	}
	if l := end.Limit; l != nil && v.trap == nil {
		v.errorType, v.blame, v.limit, v.message = l.Limit, cm.BlameLimit, l.Limit, redact.Text(l.Error())
	}
	st.key.errorType = v.errorType
	// A held call ends on any goroutine, where the guest's context from Enter must not be used.
	ctx := context.Background()
	if st.span != nil {
		ctx = trace.ContextWithSpan(ctx, st.span.API())
	}
	at := timesOf(st.req, c, resp != nil)
	if m := h.p.m; m != nil {
		h.duration[end.Outcome].Record(ctx, at.total-at.stalled)
		by := m.client.get(st.key)
		by.duration.Record(ctx, at.total-at.stalled)
		if at.head > 0 {
			by.head.Record(ctx, at.head)
		}
	}
	h.report(ctx, c, h.b.Caller, &v)
	if end.Limit != nil {
		h.countLimit(c.Context, h.b.Caller, end.Limit)
	}
	if st.span == nil {
		return
	}
	st.span.Lock()
	called.describe(st.span)
	if resp != nil {
		st.span.Int(attrStatus, int64(st.key.status))
		st.span.Str(attrProtocol, st.key.protocol)
	}
	if st.errorCase != "" {
		st.span.Str(attrResult, resultError)
		st.span.Str(attrResultError, st.errorCase)
		describeCause(st.span, end.Cause)
	}
	if end.Wait != 0 {
		st.span.Float(attrWaitTime, end.Wait.Seconds())
	}
	if at.head > 0 {
		st.span.Float(attrHeadTime, at.head.Seconds())
		st.span.Float(attrBodyTime, max(at.total-at.head-at.stalled, 0).Seconds())
	}
	if at.stalled > 0 {
		st.span.Float(attrStallTime, at.stalled.Seconds())
	}
	st.span.Unlock()
	v.annotate(st.span)
	if v.failed() && v.message == "" {
		st.span.SetStatus(codes.Error, "")
	}
	st.span.End(trace.WithTimestamp(c.Start.Add(at.total)))
}

// clientTimes are a request's durations. The stalled part of total is the guest's time, not the server's.
type clientTimes struct{ head, total, stalled time.Duration }

// timesOf returns the request's durations; total is the time until now if the request does not know it. head is 0 without a
// response.
func timesOf(req outgoing, c *cm.Call, answered bool) (t clientTimes) {
	if r, ok := req.(outgoingTimes); ok && c.Held() {
		t.head, t.total, t.stalled = r.OutgoingTimes()
	}
	if !answered {
		t.head = 0
	}
	if t.total == 0 {
		t.total = time.Since(c.Start)
	}
	return t
}

// classify classifies the end of a request. An error of the held call is no host error: the guest gets it as a value.
func (h *clientCall) classify(st *clientState, end *cm.End) outcome {
	if st.errorCase != "" {
		return outcome{errorType: st.errorCase}
	}
	if end.Err == nil {
		return classify(end)
	}
	var trap *cm.Trap
	if errors.As(end.Err, &trap) {
		return classify(end)
	}
	if errors.Is(end.Err, context.Canceled) || end.Outcome == cm.Cancelled {
		return outcome{cancelled: true}
	}
	return outcome{errorType: netErrorType(end.Err), message: redact.Text(cm.Detail(end.Err))}
}

// netErrorType is the error.type of a failed request, one of few values.
func netErrorType(err error) string {
	var coded interface{ ErrorCode() string } // a WIT error-code as a Go error
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &coded):
		return coded.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &dns):
		return "dns-error"
	case errors.As(err, &op):
		return "connection-" + op.Op // dial, read, write
	}
	return "_OTHER"
}
