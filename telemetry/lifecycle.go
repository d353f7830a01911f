package telemetry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// The facts about an operation by which it is also measured: compiling and reading from a cache are not to be averaged,
// and why instances cannot be reset, one of few reasons, is to be seen without traces.
const (
	keyCache = "cache.hit"
	keyFixed = "not_resettable"
)

// foreign are namespaces of the semantic conventions in which operations may tell facts; every other key is our own.
var foreign = []string{"http.", "url.", "server.", "file.", "oci.", "container.", "process."}

// operationDetail has the operations that come with each request and are worth a span of their own only to those who look
// at everything. They are measured all the same.
var operationDetail = map[string]Detail{"reset": DetailAll}

// operationTemplate is of spans of which nothing is known before.
var operationTemplate = span.Template{}

// detailOf is from which detail on an operation has a span. Instances that are made ahead of the events that they will
// serve belong to no trace: each would be a trace of its own.
func detailOf(ctx context.Context, op *cm.Operation) Detail {
	if op.Name == "instantiate" && !trace.SpanContextFromContext(ctx).IsValid() {
		return DetailAll
	}
	return operationDetail[op.Name]
}

// Begin opens the span of one step in the life of a component or an instance, below whatever span is in ctx.
func (i *interceptor) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	p := i.own
	if op.Component != "" {
		p = i.service(op.Component)
	}
	quiet := p.quiet(ctx) || !i.wants(detailOf(ctx, op))
	if p.m == nil && quiet {
		return ctx, func(error) {}
	}
	start := time.Now()
	var s *span.Span
	if !quiet {
		name := op.Name
		if op.Component != "" {
			name += " " + op.Component.Name()
		}
		s = p.tracer.Open(ctx, &operationTemplate, name, start)
		s.Str(attrOperation, op.Name)
		if op.Component != "" {
			s.Str(attrComponent, string(op.Component))
		}
		if i.id.workload != "" {
			s.Str(attrWorkload, i.id.workload)
		}
		ctx = s.Start()
	}
	return ctx, func(err error) { i.end(ctx, p, s, op, start, err) }
}

func (i *interceptor) end(ctx context.Context, p *providers, s *span.Span, op *cm.Operation, start time.Time, err error) {
	var v outcome
	if err != nil {
		v = classify(&cm.End{Outcome: cm.Aborted, Err: err})
		var limit *cm.LimitError
		switch {
		case v.trap != nil || v.errorType != errorTypeHost:
		case errors.As(err, &limit):
			v.errorType, v.blame, v.limit = limit.Limit, cm.BlameLimit, limit.Limit
			if e := (&edge{i: i, p: p}); i.t.reported.first(limit) {
				e.countLimit(ctx, op.Component, limit)
			}
		default:
			v.errorType, v.blame = strings.ReplaceAll(op.Name, " ", "-")+"-failed", ""
		}
	}
	if p.m != nil {
		p.m.operations.get(operationKeyOf(op, v.errorType)).Record(ctx, time.Since(start))
	}
	if v.trap != nil {
		e := edge{i: i, p: p}
		e.report(ctx, cm.CallFrom(ctx), op.Component, &v)
	}
	if s == nil {
		return
	}
	for _, a := range op.Attrs {
		if kv, ok := operationAttr(a); ok {
			s.SetAttributes(kv)
		}
	}
	v.mark(s)
	s.End()
}

// operationAttr makes an attribute of a fact.
func operationAttr(a cm.Attr) (attribute.KeyValue, bool) {
	key := a.Key
	if !slices.ContainsFunc(foreign, func(ns string) bool { return strings.HasPrefix(key, ns) }) {
		key = prefix + key
	}
	k := attribute.Key(key)
	switch v := a.Value.(type) {
	case string:
		if redact.Secret(a.Key) {
			return k.String(redact.Mark), true
		}
		return k.String(redact.Text(v)), true
	case bool:
		return k.Bool(v), true
	case int64:
		return k.Int64(v), true
	case int:
		return k.Int(v), true
	case float64:
		return k.Float64(v), true
	case nil:
		return attribute.KeyValue{}, false
	default:
		return k.String(redact.Text(fmt.Sprint(v))), true
	}
}

// operationKey is what measurements of operations are grouped by.
type operationKey struct{ name, component, cache, fixed, errorType string }

func operationKeyOf(op *cm.Operation, errorType string) operationKey {
	k := operationKey{name: op.Name, component: string(op.Component), errorType: errorType}
	for _, a := range op.Attrs {
		switch a.Key {
		case keyCache:
			k.cache = fmt.Sprint(a.Value)
		case keyFixed:
			k.fixed = fmt.Sprint(a.Value)
		}
	}
	return k
}

func (k operationKey) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{keyOperation.String(k.name)}
	if k.component != "" {
		attrs = append(attrs, keyComponent.String(k.component))
	}
	if k.cache != "" {
		attrs = append(attrs, attribute.String(prefix+keyCache, k.cache))
	}
	if k.fixed != "" {
		attrs = append(attrs, attribute.String(prefix+keyFixed, k.fixed))
	}
	if k.errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(k.errorType))
	}
	return attrs
}

func (k operationKey) mended() operationKey {
	k.name, k.component, k.errorType = mend.Label(k.name), mend.Label(k.component), mend.Label(k.errorType)
	k.cache, k.fixed = mend.Label(k.cache), mend.Label(k.fixed)
	return k
}

func (k operationKey) overflow() operationKey { return operationKey{name: "_OTHER"} }
