package telemetry

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// interceptor observes one component of one start of a workload: it makes the hooks of the linked component's boundaries, exports
// its log lines, and counts lines that its limits drop. Components linked into it, at run time or by composition, have boundaries
// in it, too. The services that these belong to are fixed when the interceptor is made.
type interceptor struct {
	t         *Telemetry
	id        identity
	own       *providers
	peers     map[string]*providers // of the workload's other components, by name
	detail    atomic.Int32
	specified Detail // what its specification says, or else the host's default
	released  atomic.Bool

	bound   atomic.Int32 // boundRecords, boundRequests
	imports atomic.Bool  // it has exported spans by OTLP
	told    toldSpans
}

var (
	_ host.ComponentObserver = (*interceptor)(nil)
	_ cm.Lifecycle           = (*interceptor)(nil)
)

// Release releases the providers, which end with their last user.
func (i *interceptor) Release() {
	if i.released.Swap(true) {
		return
	}
	i.t.forget(i)
	i.t.release(i.own)
	for _, p := range i.peers {
		i.t.release(p)
	}
}

func (i *interceptor) setDetail(s string) {
	d, ok := ParseDetail(s, i.t.cfg.Detail)
	if !ok {
		i.t.log.Warn("telemetry: ignoring detail", "component", i.id.component, "value", s, "reason", "want invocation, boundary or all")
	}
	i.specified = d
	i.detail.Store(int32(d))
}

func (i *interceptor) records(d Detail) bool { return Detail(i.detail.Load()) >= d }

// service returns the providers of the component at path. The path's first element names a component of the workload, with #2 behind
// it where it stands in a chain for the second time; the others are components composed into that one, which are no services of their own.
func (i *interceptor) service(path cm.Path) *providers {
	if string(path) == i.id.component {
		return i.own
	}
	first, _, _ := strings.Cut(string(path), "/")
	first, _, _ = strings.Cut(first, "#")
	if p := i.peers[first]; p != nil {
		return p
	}
	return i.own
}

// boundaryBase is the part that the hooks of all kinds of boundary share.
type boundaryBase struct {
	i    *interceptor
	p    *providers
	name string         // span name
	tmpl *span.Template // the span's kind, and the attributes known at link time; nil if traces are off
}

func (i *interceptor) boundaryBase(b *cm.Boundary, p *providers, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) boundaryBase {
	if b.Kind == cm.Event || b.Kind == cm.HostToGuest { // people search for these spans; others have it in the resource only
		if i.id.workload != "" {
			attrs = append(attrs, keyWorkload.String(i.id.workload))
		}
		if i.id.namespace != "" {
			attrs = append(attrs, keyNamespace.String(i.id.namespace))
		}
	}
	e := boundaryBase{i: i, p: p, name: name}
	if p.tracer != nil {
		e.tmpl = p.tracer.Template(kind, attrs...)
	}
	return e
}

// Bind makes the hooks of a boundary; nil if nothing of it is recorded.
func (i *interceptor) Bind(b *cm.Boundary) cm.Hooks {
	full := semconv.CodeFunctionName(b.Name())
	switch b.Kind {
	case cm.Event:
		p := i.service(b.Callee)
		return newEvent(b, i.boundaryBase(b, p, b.Func, trace.SpanKindServer, keyComponent.String(string(b.Callee))))
	case cm.HostToGuest:
		p := i.service(b.Callee)
		return newGuestCall(b, i.boundaryBase(b, p, b.Callee.Name()+" "+b.Name(), trace.SpanKindInternal,
			full, keyComponent.String(string(b.Callee))))
	case cm.GuestToGuest:
		p := i.service(b.Callee)
		return newGuestCall(b, i.boundaryBase(b, p, b.Callee.Name()+" "+b.Name(), trace.SpanKindInternal,
			full, keyComponent.String(string(b.Callee)), keyCaller.String(string(b.Caller))))
	case cm.GuestToHost:
		p := i.service(b.Caller)
		conv := conventionOf(b)
		if conv.guestRecords {
			i.bound.Or(boundRecords)
		}
		if conv.sendsRequest {
			i.bound.Or(boundRequests)
		}
		if conv.guestRecords || conv.sendsRequest {
			i.t.guestsTrace.Store(true)
		}
		if p.tracer == nil && p.m == nil {
			if conv.sendsRequest {
				return propagateOut{i.t.propagator}
			}
			if conv.sendsMessage {
				return propagateMessage{i.t.propagator}
			}
			return nil
		}
		kind := trace.SpanKindInternal
		if conv.server {
			kind = trace.SpanKindClient
		}
		base := newHostCall(b, conv.detail, i.boundaryBase(b, p, b.Name(), kind,
			full, keyComponent.String(string(b.Caller))))
		base.waits = conv.waits
		if conv.fold != "" {
			shared := i.boundaryBase(b, p, conv.fold, kind, keyComponent.String(string(b.Caller)))
			base.folded = &foldKind{name: conv.fold, tmpl: shared.tmpl, list: true}
		}
		if conv.store {
			base.operation = operationOf(b.Func)
		}
		if conv.hooks != nil {
			return conv.hooks(base)
		}
		return base
	}
	return nil
}

// start opens the span of c; it is nil if it cannot be sampled. Its parent is the guest's own current span, or the host's span
// of c's caller.
func (e *boundaryBase) start(c *cm.Call) (context.Context, *span.Span) {
	ctx := e.parentContext(c)
	if e.p.neverSampled(ctx) {
		return ctx, nil
	}
	s := e.p.tracer.Open(ctx, e.tmpl, e.name, c.Start)
	return s.Start(), s
}

// parentContext is c's context with the parent of its span.
func (e *boundaryBase) parentContext(c *cm.Call) context.Context {
	return e.i.t.withGuestParent(c.Context, c.Parent)
}

// reportBackend emits the log record of a failed backend, once in each event, however often the guest tries again.
func (e *boundaryBase) reportBackend(ctx context.Context, c *cm.Call, component cm.Path, v *outcome) {
	if st := eventOf(c); st != nil && st.backendReported.Swap(true) {
		return
	}
	e.p.exception(ctx, string(component), v)
}

// report emits the log record of the trap that ended c, and counts the trap: once, in the span of the innermost call that it
// ended, which exits first. Each event reports one trap, also if the trap is wrapped on its way out. It ignores cancellation.
func (e *boundaryBase) report(ctx context.Context, c *cm.Call, component cm.Path, v *outcome) {
	if v.trap == nil || !v.failed() || !e.i.t.reported.first(v.trap) {
		return
	}
	if st := eventOf(c); st != nil && st.trapReported.Swap(true) {
		return
	}
	e.p.exception(ctx, string(component), v)
	if e.i.t.trees != nil {
		e.i.t.trees.Trap(trace.SpanContextFromContext(ctx), time.Now(), v.message, v.trap.Stack)
	}
	if e.p.m != nil {
		e.p.m.traps.With(append(e.p.part(component), keyTrapCode.String(string(v.trap.Code)))...).Add(ctx, 1)
	}
}
