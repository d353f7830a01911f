package telemetry

import (
	"context"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// interceptor is all that telemetry has of one component of one start of a workload: it makes the hooks for the boundaries
// of the linked component, takes its lines, and counts those that are left out. Components that were linked into it, at run
// time or before, have boundaries of their own in it. Whose they are is settled when the interceptor is made.
type interceptor struct {
	t        *Telemetry
	id       identity
	own      *providers
	peers    map[string]*providers // of the workload's other components, by name
	detail   atomic.Int32
	released atomic.Bool
}

var (
	_ host.ComponentObserver = (*interceptor)(nil)
	_ cm.Lifecycle           = (*interceptor)(nil)
)

// Release gives back the providers, which end when nobody has them any more.
func (i *interceptor) Release() {
	if i.released.Swap(true) {
		return
	}
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
	i.detail.Store(int32(d))
}

// SetDetail changes the level of a component that is running; "" is the host's default. It reports whether s is a level.
func SetDetail(i cm.Interceptor, s string) bool {
	it, ok := i.(*interceptor)
	if !ok {
		return false
	}
	d, ok := ParseDetail(s, it.t.cfg.Detail)
	if ok {
		it.detail.Store(int32(d))
	}
	return ok
}

func (i *interceptor) wants(d Detail) bool { return Detail(i.detail.Load()) >= d }

// service finds the providers for what happens in the component at path. Its first element names a component of the
// workload; elements after it are components composed into that one, which have no service of their own.
func (i *interceptor) service(path cm.Path) *providers {
	first, _, _ := strings.Cut(string(path), "/")
	if p := i.peers[first]; p != nil {
		return p
	}
	return i.own
}

// edge is what the hooks of all kinds of boundary know.
type edge struct {
	i    *interceptor
	p    *providers
	name string         // span name
	tmpl *span.Template // kind and the attributes that are known by now; nil when traces are off
}

func (i *interceptor) edge(b *cm.Boundary, p *providers, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) edge {
	if b.Kind == cm.Event || b.Kind == cm.HostToGuest { // elsewhere the resource says it; these are what is searched for
		if i.id.workload != "" {
			attrs = append(attrs, keyWorkload.String(i.id.workload))
		}
		if i.id.namespace != "" {
			attrs = append(attrs, keyNamespace.String(i.id.namespace))
		}
	}
	e := edge{i: i, p: p, name: name}
	if p.tracer != nil {
		e.tmpl = p.tracer.Template(kind, attrs...)
	}
	return e
}

// Bind makes the hooks for a boundary; nil when nothing of it is recorded.
func (i *interceptor) Bind(b *cm.Boundary) cm.Hooks {
	full := semconv.CodeFunctionName(b.Name())
	switch b.Kind {
	case cm.Event:
		p := i.service(b.Callee)
		return newEvent(b, i.edge(b, p, b.Func, trace.SpanKindServer, keyComponent.String(string(b.Callee))))
	case cm.HostToGuest:
		p := i.service(b.Callee)
		return newGuestCall(b, i.edge(b, p, b.Callee.Name()+" "+b.Name(), trace.SpanKindInternal,
			full, keyComponent.String(string(b.Callee))))
	case cm.GuestToGuest:
		p := i.service(b.Callee)
		return newGuestCall(b, i.edge(b, p, b.Callee.Name()+" "+b.Name(), trace.SpanKindInternal,
			full, keyComponent.String(string(b.Callee)), keyCaller.String(string(b.Caller))))
	case cm.GuestToHost:
		p := i.service(b.Caller)
		conv := conventionOf(b)
		if p.tracer == nil && p.m == nil {
			if conv.sends {
				return passOut{i.t.carrier}
			}
			return nil
		}
		base := newHostCall(b, conv.detail, i.edge(b, p, b.Name(), trace.SpanKindInternal,
			full, keyComponent.String(string(b.Caller))))
		if conv.make != nil {
			return conv.make(base)
		}
		return base
	}
	return nil
}

// start begins the span of c, or reports nil when it could not be sampled. Its parent is the guest's own span that is open, or
// the host's span around c.
func (e *edge) start(c *cm.Call) (context.Context, *span.Span) {
	ctx := e.below(c)
	if e.p.quiet(ctx) {
		return ctx, nil
	}
	s := e.p.tracer.Open(ctx, e.tmpl, e.name, c.Start)
	return s.Start(), s
}

// below is the context that c causes things in.
func (e *edge) below(c *cm.Call) context.Context { return e.i.t.below(c.Context, c.Parent) }

// reportBackend tells of a backend that has failed: the first time in each event, however often its guest tries again.
func (e *edge) reportBackend(ctx context.Context, c *cm.Call, component cm.Path, v *outcome) {
	if st := eventOf(c); st != nil && st.backend.Swap(true) {
		return
	}
	e.p.exception(ctx, string(component), v)
}

// report tells of the trap that ended c: once, in the span of the innermost call that it ended, which is the first to see
// it. Of one event it tells once, also where the trap is put in other words on its way out. Cancellation is no news.
func (e *edge) report(ctx context.Context, c *cm.Call, component cm.Path, v *outcome) {
	if v.trap == nil || !v.failed() || !e.i.t.reported.first(v.trap) {
		return
	}
	if st := eventOf(c); st != nil && st.trapped.Swap(true) {
		return
	}
	e.p.exception(ctx, string(component), v)
	if e.p.m != nil {
		e.p.m.traps.With(keyComponent.String(string(component)), keyTrapCode.String(string(v.trap.Code))).Add(ctx, 1)
	}
}
