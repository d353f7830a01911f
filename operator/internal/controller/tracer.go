package controller

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// Tracer makes one trace of a rollout: the reconcile that begins it, the starts of its pods, which get the context as TRACEPARENT, and the time
// until they answer. It joins the trace that the workload's annotation names. A reconcile that begins no rollout is no span.
type Tracer struct {
	tracer trace.Tracer

	mu   sync.Mutex
	open map[types.NamespacedName]opened // rollouts that this process has begun and that are not ready
}

type opened struct {
	ctx    context.Context // with the span of the reconcile
	began  time.Time
	digest string // of the document that hosts get; "" for pods
}

// NewTracer makes one that records by t.
func NewTracer(t trace.Tracer) *Tracer {
	return &Tracer{tracer: t, open: map[types.NamespacedName]opened{}}
}

// rollout is one reconcile's part in a rollout.
type rollout struct {
	t           *Tracer
	workload    types.NamespacedName
	span        trace.Span // nil: this reconcile begins none
	traceparent string
}

var w3c = propagation.TraceContext{}

// rollout looks whether the plan begins a rollout, opens a span for one, and gives the planned Deployment the context of its trace: a new one,
// or that which it has already, since another one would be another rollout.
func (t *Tracer) rollout(ctx context.Context, w *api.Workload, have *appsv1.Deployment, o *pods.Objects) (context.Context, *rollout) {
	r := &rollout{t: t, workload: client.ObjectKeyFromObject(w)}
	if same(have, o.Deployment) {
		r.traceparent = pods.Traceparent(have)
		pods.Join(o.Deployment, r.traceparent)
		return ctx, r
	}
	ctx = w3c.Extract(ctx, propagation.MapCarrier{"traceparent": w.Annotations[api.AnnotationTrace]})
	if t != nil {
		began := time.Now()
		ctx, r.span = t.tracer.Start(ctx, "reconcile "+w.Namespace+"/"+w.Name, trace.WithAttributes(
			attribute.String("k8s.namespace.name", w.Namespace), attribute.String("k8s.deployment.name", w.Name),
			attribute.String("vitrine.workload", w.Namespace+"/"+w.Name), attribute.Int64("vitrine.workload.generation", w.Generation)))
		t.mu.Lock()
		t.open[r.workload] = opened{ctx: trace.ContextWithSpanContext(context.Background(), r.span.SpanContext()), began: began}
		t.mu.Unlock()
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	r.traceparent = carrier["traceparent"]
	pods.Join(o.Deployment, r.traceparent)
	return ctx, r
}

// applied ends the span of the reconcile.
func (r *rollout) applied(err error) {
	if r.span == nil {
		return
	}
	failed(r.span, err)
	r.span.End()
}

// ready records the time from the reconcile that began the rollout until replicas, as many as are wanted, answer.
func (t *Tracer) ready(w types.NamespacedName, replicas int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	o, ok := t.open[w]
	delete(t.open, w)
	t.mu.Unlock()
	if !ok {
		return // another process has begun it
	}
	_, s := t.tracer.Start(o.ctx, "rollout "+w.String(), trace.WithTimestamp(o.began), trace.WithAttributes(
		attribute.String("k8s.namespace.name", w.Namespace), attribute.String("k8s.deployment.name", w.Name),
		attribute.Int("vitrine.workload.pods", replicas)))
	s.End()
}

// assigning is one reconcile's part in a rollout on hosts.
type assigning struct {
	t    *Tracer
	w    *api.Workload
	ctx  context.Context
	span trace.Span // of the reconcile; nil: an earlier one has begun the rollout, or there are no spans
}

// assigning opens a span for a reconcile that brings a document to hosts, unless an earlier one has begun to: then its parts are that one's.
func (t *Tracer) assigning(ctx context.Context, w *api.Workload, digest string) *assigning {
	out := &assigning{t: t, w: w, ctx: w3c.Extract(ctx, propagation.MapCarrier{"traceparent": w.Annotations[api.AnnotationTrace]})}
	if t == nil {
		return out
	}
	key := client.ObjectKeyFromObject(w)
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.open[key]; ok && o.digest == digest {
		out.ctx = o.ctx
		return out
	}
	began := time.Now()
	out.ctx, out.span = t.tracer.Start(out.ctx, "reconcile "+key.String(), trace.WithAttributes(
		attribute.String("k8s.namespace.name", w.Namespace), attribute.String("vitrine.workload", key.String()), attribute.Int64("vitrine.workload.generation", w.Generation)))
	t.open[key] = opened{ctx: trace.ContextWithSpanContext(context.Background(), out.span.SpanContext()), began: began, digest: digest}
	return out
}

// assign opens a span for what one host gets, and returns its context.
func (a *assigning) assign(host string) (traceparent string, end func(error)) {
	ctx, end := a.ctx, func(error) {}
	if a.t != nil {
		var span trace.Span
		ctx, span = a.t.tracer.Start(ctx, "assign "+a.w.Namespace+"/"+a.w.Name, trace.WithAttributes(
			attribute.String("vitrine.workload", a.w.Namespace+"/"+a.w.Name), attribute.String("vitrine.host", host)))
		end = func(err error) {
			failed(span, err)
			span.End()
		}
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"], end
}

// end ends the span of the reconcile.
func (a *assigning) end(err error) {
	if a.span != nil {
		failed(a.span, err)
		a.span.End()
	}
}

// id is the identifier of the trace, or that which the status had.
func (a *assigning) id(before string) string {
	if s := trace.SpanContextFromContext(a.ctx); s.IsValid() {
		return s.TraceID().String()
	}
	return before
}

func failed(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(attribute.String("error.type", "apply-failed"))
	}
}

// traceID is the identifier of the rollout's trace, or that which the status had.
func (r *rollout) traceID(before string) string {
	ctx := w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": r.traceparent})
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		return s.TraceID().String()
	}
	return before
}

// forget drops what is known of a workload that has gone.
func (t *Tracer) forget(w types.NamespacedName) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, w)
}
