package telemetry

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// Bounds of one guest record. The rest is dropped, and counted if the record has a field for it.
const (
	maxRecord     = 1 << 20 // bytes of attributes, events and links together
	maxAttributes = 1024    // of one list
	maxScopes     = 100     // of one service
	maxValueDepth = 32      // nested lists and maps
)

// record queues a span, whose context is sc.
func (w *guestSource) record(ctx context.Context, s *otel.Span, sc trace.SpanContext) {
	room := maxRecord
	scope := w.p.scope(ctx, &s.Scope)
	out := span.Recorded{
		Context: sc, Kind: kinds[s.Kind&7], Name: s.Name,
		Start: w.unixNanos(ctx, s.Start), End: w.unixNanos(ctx, s.End),
		DroppedAttributes: int(s.DroppedAttributes), DroppedEvents: int(s.DroppedEvents), DroppedLinks: int(s.DroppedLinks),
	}
	if s.ParentID != (otel.SpanID{}) {
		out.Parent = out.Context.WithSpanID(trace.SpanID(s.ParentID))
	}
	out.End = max(out.Start, out.End)
	kept := spanAttributes.Get().(*[]attribute.KeyValue)
	own := append(w.appendOrigin((*kept)[:0]), scope.attributes...)
	all, dropped := w.p.appendAttributes(own, s.Attributes, &room)
	out.Attributes = all[:len(own)+len(withoutReserved(all[len(own):]))]
	if s.Resource != nil { // a tracer has one resource; the guest's other resource attributes go to the span
		out.Attributes = append(out.Attributes, w.p.resourceOf(s.Resource, &room)...)
	}
	out.DroppedAttributes += dropped
	for i := range s.Events {
		e := &s.Events[i]
		if room -= e.Size(); room < 0 {
			out.DroppedEvents += len(s.Events) - i
			break
		}
		kvs, _ := w.p.attributes(e.Attributes, nil)
		out.Events = append(out.Events, span.Event{Name: e.Name, Time: w.unixNanos(ctx, e.Time), Attributes: kvs})
	}
	for i := range s.Links {
		l := &s.Links[i]
		if room -= l.Size(); room < 0 {
			out.DroppedLinks += len(s.Links) - i
			break
		}
		kvs, _ := w.p.attributes(l.Attributes, nil)
		out.Links = append(out.Links, trace.Link{SpanContext: contextOf(&l.Context, l.Context.IsRemote), Attributes: kvs})
	}
	switch s.Status.Code {
	case otel.StatusOK:
		out.Status = codes.Ok
	case otel.StatusError:
		out.Status, out.Description = codes.Error, s.Status.Description
	}
	scope.tracer.Record(&out)
	if !scope.tracer.IsSDK() && cap(out.Attributes) <= keepAttributes { // an SDK's span may keep what it gets
		clear(out.Attributes[:cap(out.Attributes)])
		*kept = out.Attributes[:0]
		spanAttributes.Put(kept)
	}
}

// spanAttributes are slices for the attributes of one span.
var spanAttributes = sync.Pool{New: func() any { return new([]attribute.KeyValue) }}

// keepAttributes bounds the slices that are used again.
const keepAttributes = 64

// nameUnfinished is the name of spans whose end was not told, and so not their name either.
const nameUnfinished = "unfinished"

// recordUnfinished queues a span that was not ended. Its parent is the one that it probably has.
func (w *guestSource) recordUnfinished(g *guestSpan) {
	if !g.sc.IsSampled() {
		return
	}
	scope := w.p.scope(context.Background(), &otel.Scope{Name: scopeName, Version: w.p.t.cfg.Version})
	out := span.Recorded{
		Context: g.sc, Kind: trace.SpanKindInternal, Name: nameUnfinished, Start: uint64(g.start.UnixNano()), End: uint64(time.Now().UnixNano()),
		Attributes: append(w.originAttributes(), keyUnfinished.Bool(true)),
	}
	if g.parent.TraceID() == g.sc.TraceID() {
		out.Parent = g.parent
	}
	scope.tracer.Record(&out)
}

var kinds = [8]trace.SpanKind{
	otel.KindInternal: trace.SpanKindInternal, otel.KindClient: trace.SpanKindClient, otel.KindServer: trace.SpanKindServer,
	otel.KindProducer: trace.SpanKindProducer, otel.KindConsumer: trace.SpanKindConsumer,
}

// unixNanos is a guest's time as nanoseconds since 1970.
func (w *guestSource) unixNanos(ctx context.Context, t otel.Time) uint64 {
	ns, exact := t.Unix()
	if !exact {
		w.p.irregular(ctx, irregularTime, 1)
	}
	return ns
}

func (w *guestSource) time(ctx context.Context, t otel.Time) time.Time {
	return time.Unix(0, int64(w.unixNanos(ctx, t)))
}

func flagsOf(sampled bool) trace.TraceFlags { return trace.TraceFlags(0).WithSampled(sampled) }

// contextOf converts a guest's span context to OpenTelemetry's API.
func contextOf(c *otel.SpanContext, remote bool) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(c.TraceID), SpanID: trace.SpanID(c.SpanID), TraceFlags: flagsOf(c.Sampled), TraceState: stateOf(c.State), Remote: remote,
	})
}

// contextOf converts the context of a span of the guest's own.
func (w *guestSource) contextOf(ctx context.Context, c *otel.SpanContext) trace.SpanContext {
	sc := contextOf(c, false)
	if sc.TraceState().Len() == 0 && slices.ContainsFunc(c.State, func(e otel.StateEntry) bool { return e != otel.StateEntry{} }) {
		w.p.irregular(ctx, irregularState, 1)
	}
	return sc
}

// maxStates is how many entries a tracestate has (W3C Trace Context §3.3.1.1), maxState how long each may be.
const (
	maxStates = 32
	maxState  = 256 + 1 + 256
)

// stateOf converts a tracestate; it is empty if an entry is invalid (wasi:otel, trace-state). Empty entries, which an SDK for Go
// puts before its own, are skipped.
func stateOf(s otel.TraceState) trace.TraceState {
	var parts []string
	for _, e := range s {
		if e == (otel.StateEntry{}) {
			continue
		}
		if len(e.Key)+len(e.Value) > maxState || len(parts) == maxStates {
			return trace.TraceState{}
		}
		parts = append(parts, e.Key+"="+e.Value)
	}
	if len(parts) == 0 {
		return trace.TraceState{}
	}
	out, err := trace.ParseTraceState(strings.Join(parts, ","))
	if err != nil || out.Len() != len(parts) {
		return trace.TraceState{}
	}
	return out
}

// recordOf converts a span context for a guest.
func recordOf(sc trace.SpanContext) otel.SpanContext {
	if !sc.IsValid() {
		return otel.SpanContext{}
	}
	out := otel.SpanContext{TraceID: otel.TraceID(sc.TraceID()), SpanID: otel.SpanID(sc.SpanID()), Sampled: sc.IsSampled(), IsRemote: sc.IsRemote()}
	sc.TraceState().Walk(func(k, v string) bool {
		out.State = append(out.State, otel.StateEntry{Key: k, Value: v})
		return true
	})
	return out
}

// attributes converts a guest's attributes, as many as fit into room bytes, which it reduces; nil bounds their number only. It
// drops attributes without a key. The last of equal keys counts.
func (p *providers) attributes(in []otel.KeyValue, room *int) (out []attribute.KeyValue, dropped int) {
	if len(in) > 0 {
		out = make([]attribute.KeyValue, 0, min(len(in), maxAttributes))
	}
	return p.appendAttributes(out, in, room)
}

// appendAttributes appends what attributes converts.
func (p *providers) appendAttributes(out []attribute.KeyValue, in []otel.KeyValue, room *int) (_ []attribute.KeyValue, dropped int) {
	if len(in) > maxAttributes {
		dropped = len(in) - maxAttributes
		in = in[:maxAttributes]
	}
	for i := range in {
		kv := &in[i]
		if room != nil {
			if n := kv.Size(); n > *room {
				dropped++
				continue
			} else {
				*room -= n
			}
		}
		if kv.Key == "" {
			dropped++
			continue
		}
		out = append(out, attribute.KeyValue{Key: attribute.Key(kv.Key), Value: valueOf(kv.Value, maxValueDepth)})
	}
	return out, dropped
}

// withoutReserved drops attributes that identify a record's source, which only the host sets.
func withoutReserved(kvs []attribute.KeyValue) []attribute.KeyValue {
	return slices.DeleteFunc(kvs, func(kv attribute.KeyValue) bool {
		return strings.HasPrefix(string(kv.Key), prefix) || strings.HasPrefix(string(kv.Key), "service.")
	})
}

// resourceOf is a guest's resource attributes without those that the service's own resource has.
func (p *providers) resourceOf(r *otel.Resource, room *int) []attribute.KeyValue {
	kvs, _ := p.attributes(r.Attributes, room)
	return slices.DeleteFunc(withoutReserved(kvs), func(kv attribute.KeyValue) bool { return p.res.SDK().Set().HasValue(kv.Key) })
}

// valueOf converts a guest's value. A list or map nested deeper than depth becomes empty.
func valueOf(v otel.Value, depth int) attribute.Value {
	switch v := v.(type) {
	case bool:
		return attribute.BoolValue(v)
	case int64:
		return attribute.Int64Value(v)
	case float64:
		return attribute.Float64Value(v)
	case string:
		return attribute.StringValue(v)
	case []byte:
		return attribute.ByteSliceValue(v)
	case []otel.Value:
		if depth == 0 {
			return attribute.Value{}
		}
		return listOf(v, depth-1)
	case []otel.KeyValue:
		if depth == 0 {
			return attribute.Value{}
		}
		kvs := make([]attribute.KeyValue, 0, len(v))
		for _, kv := range v {
			kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(kv.Key), Value: valueOf(kv.Value, depth-1)})
		}
		return attribute.MapValue(kvs...)
	}
	return attribute.Value{}
}

// listOf converts a list. A list of whole and other numbers becomes one of float64, because JSON does not distinguish 1.0 from 1.
func listOf(in []otel.Value, depth int) attribute.Value {
	out := make([]attribute.Value, len(in))
	whole, broken := 0, 0
	for i, e := range in {
		out[i] = valueOf(e, depth)
		switch e.(type) {
		case int64:
			whole++
		case float64:
			broken++
		}
	}
	if whole > 0 && broken > 0 && whole+broken == len(in) {
		for i := range out {
			if out[i].Type() == attribute.INT64 {
				out[i] = attribute.Float64Value(float64(out[i].AsInt64()))
			}
		}
	}
	return attribute.SliceValue(out...)
}

// guestScope has the tracer and the logger for a guest's records of one scope.
type guestScope struct {
	tracer     *span.Tracer     // nil if no consumer takes spans
	logger     *sanitize.Logger // nil if none takes log records
	attributes []attribute.KeyValue
	is         instrumentation.Scope
}

// loggerOf is the scope's logger with another resource.
func (g *guestScope) loggerOf(p *sanitize.LoggerProvider) *sanitize.Logger {
	return p.Of(g.is.Name, log.WithInstrumentationVersion(g.is.Version), log.WithSchemaURL(g.is.SchemaURL), log.WithInstrumentationAttributes(g.is.Attributes.ToSlice()...))
}

// maxResources bounds the resources of one service's log records; with those beyond it, what they add is the record's.
const maxResources = 16

// logsWith finds or makes the provider of loggers whose resource is the service's with the attributes that a guest adds. It is nil for
// none, and where a given provider takes the records, whose resource is fixed.
func (p *providers) logsWith(extra []attribute.KeyValue) *sanitize.LoggerProvider {
	if len(extra) == 0 || p.logSink == nil {
		return nil
	}
	set := attribute.NewSet(extra...)
	p.scopeMu.Lock()
	defer p.scopeMu.Unlock()
	of := p.guestLogs[set.Equivalent()]
	if of == nil && len(p.guestLogs) < maxResources {
		own := p.res.SDK()
		res := sanitize.NewResource(resource.NewWithAttributes(own.SchemaURL(), append(set.ToSlice(), own.Attributes()...)...))
		of = sanitize.NewLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithResource(res.SDK()), sdklog.WithProcessor(p.logSink)))
		if p.guestLogs == nil {
			p.guestLogs = map[attribute.Distinct]*sanitize.LoggerProvider{}
		}
		p.guestLogs[set.Equivalent()] = of
	}
	return of
}

// scopeKey identifies a scope.
type scopeKey struct {
	name, version, schema string
	attributes            attribute.Distinct
}

// The attributes of a record that name its scope (OpenTelemetry, mapping to non-OTLP formats).
const (
	keyScopeName    = attribute.Key("otel.scope.name")
	keyScopeVersion = attribute.Key("otel.scope.version")
)

// scope finds or makes a guest's scope; nil is one without a name. A service has a bounded number of scopes; records of others
// name theirs by attributes.
func (p *providers) scope(ctx context.Context, s *otel.Scope) *guestScope {
	if s == nil {
		s = &otel.Scope{}
	}
	if last := p.lastScope.Load(); last != nil && last.of(s) {
		return last.scope
	}
	room := maxScope
	kvs, _ := p.attributes(s.Attributes, &room)
	is := instrumentation.Scope{
		Name: sanitize.Label(s.Name), Version: sanitize.Label(s.Version), SchemaURL: sanitize.Label(s.SchemaURL), Attributes: attribute.NewSet(sanitize.Labels(kvs)...),
	}
	key := scopeKey{is.Name, is.Version, is.SchemaURL, is.Attributes.Equivalent()}
	p.scopeMu.Lock()
	defer p.scopeMu.Unlock()
	if g := p.scopes[key]; g != nil {
		if len(s.Attributes) == 0 && len(s.Name)+len(s.Version)+len(s.SchemaURL) <= maxScope {
			p.lastScope.Store(&lastScope{s.Name, s.Version, s.SchemaURL, g})
		}
		return g
	}
	if len(p.scopes) >= maxScopes {
		p.irregular(ctx, irregularScopes, 1)
		other := *p.newScope(scopeKey{}, instrumentation.Scope{})
		other.attributes = []attribute.KeyValue{keyScopeName.String(is.Name), keyScopeVersion.String(is.Version)}
		return &other
	}
	return p.newScope(key, is)
}

// lastScope is the scope of a guest's last record, as the guest names it: mostly it is that of the next. It has no attributes.
type lastScope struct {
	name, version, schema string
	scope                 *guestScope
}

func (l *lastScope) of(s *otel.Scope) bool {
	return len(s.Attributes) == 0 && l.name == s.Name && l.version == s.Version && l.schema == s.SchemaURL
}

// maxScope bounds the attributes of a scope, in bytes: each batch carries them.
const maxScope = 4 << 10

// newScope makes a scope unless it exists. p.scopeMu is held.
func (p *providers) newScope(key scopeKey, is instrumentation.Scope) *guestScope {
	if g := p.scopes[key]; g != nil {
		return g
	}
	g := &guestScope{is: is}
	switch {
	case p.keepsGuestSpans():
		g.tracer = span.GuestFromSDK(p.given.provider.Tracer(is.Name, trace.WithInstrumentationVersion(is.Version), trace.WithSchemaURL(is.SchemaURL),
			trace.WithInstrumentationAttributes(append(is.Attributes.ToSlice(), p.given.extra...)...)))
	case p.spans != nil:
		g.tracer = p.spans.Guest(is)
	}
	if p.logs != nil {
		g.logger = g.loggerOf(p.logs)
	}
	if p.scopes == nil {
		p.scopes = map[scopeKey]*guestScope{}
	}
	p.scopes[key] = g
	return g
}
