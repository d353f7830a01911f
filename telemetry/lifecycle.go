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
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Attributes of an operation that its metric has, too: averages must not mix compiling and reading from a cache, and the reason
// why instances cannot be reset, or are retired, one of few, must be visible without traces.
const (
	keyCache    = "cache.hit"
	keyNotReset = "not_resettable"
	keyRetire   = "retire.reason"
)

// semconvNamespaces are the namespaces of the semantic conventions that operations' attributes may have; other keys are our own.
var semconvNamespaces = []string{"http.", "url.", "server.", "network.", "file.", "oci.", "container.", "process."}

// isFrequent says that an operation occurs again and again while a workload runs: the distribution of its durations matters. Others are
// steps of a start, which have a sum and a count.
func isFrequent(operation string) bool {
	switch operation {
	case "reset", "retire", "instantiate", "pool wait", "service wait", "connection":
		return true
	}
	return false
}

// isStartupPart says that an operation is a step of a start that is measured at level all only, unless it fails: the trace of a start shows
// it, and it does not take long where what it is a part of does not.
func isStartupPart(operation string) bool {
	switch operation {
	case "decode", "validate", "plan", "link", "plugin bind", "trigger ready", "instances ready":
		return true
	}
	return false
}

// operationTemplate is the template of spans without attributes that are known in advance.
var operationTemplate = span.Template{}

// detailOf is the least level of detail at which an operation is a span. Resets and retirements occur with each request. Making instances in
// advance belongs to no trace, and would be a trace of its own. Metrics do not depend on it.
func detailOf(ctx context.Context, op *cm.Operation) Detail {
	switch op.Name {
	case "reset", "retire":
		return DetailAll
	case "instantiate":
		if !trace.SpanContextFromContext(ctx).IsValid() {
			return DetailAll
		}
	}
	return 0
}

// Begin opens the span of a lifecycle operation of a component or an instance, as a child of the span in ctx.
func (i *interceptor) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	p := i.own
	if op.Component != "" {
		p = i.service(op.Component)
	}
	quiet := !i.records(detailOf(ctx, op)) || p.neverSampled(ctx)
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
			if e := (&boundaryBase{i: i, p: p}); i.t.reported.first(limit) {
				e.countLimit(ctx, op.Component, limit)
			}
		default:
			v.errorType, v.blame = strings.ReplaceAll(op.Name, " ", "-")+"-failed", ""
		}
	}
	i.measure(ctx, p, op, start, v.errorType)
	if v.trap != nil {
		e := boundaryBase{i: i, p: p}
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
	v.annotate(s)
	s.End()
}

// measure measures an operation that has ended.
func (i *interceptor) measure(ctx context.Context, p *providers, op *cm.Operation, start time.Time, errorType string) {
	switch {
	case p.m == nil:
	case isFrequent(op.Name):
		p.m.operations.get(p.operationKey(op, errorType)).Record(ctx, time.Since(start))
	case !isStartupPart(op.Name) || errorType != "" || i.records(DetailAll):
		p.m.startups.get(p.operationKey(op, errorType)).Record(ctx, time.Since(start))
	}
}

// operationAttr converts an attribute of an operation or a gauge, without secrets; ok is false for a nil value.
func operationAttr(a cm.Attr) (attribute.KeyValue, bool) {
	key := a.Key
	if !slices.ContainsFunc(semconvNamespaces, func(ns string) bool { return strings.HasPrefix(key, ns) }) {
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

// operationKey is the attribute set of a measurement of operations.
type operationKey struct{ name, component, cache, notResettable, retired, errorType string }

func (p *providers) operationKey(op *cm.Operation, errorType string) operationKey {
	k := operationKey{name: op.Name, errorType: errorType}
	if string(op.Component) != p.id.component { // the resource names it
		k.component = string(op.Component)
	}
	for _, a := range op.Attrs {
		switch a.Key {
		case keyCache:
			k.cache = fmt.Sprint(a.Value)
		case keyNotReset:
			k.notResettable = fmt.Sprint(a.Value)
		case keyRetire:
			k.retired = fmt.Sprint(a.Value)
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
	if k.notResettable != "" {
		attrs = append(attrs, attribute.String(prefix+keyNotReset, k.notResettable))
	}
	if k.retired != "" {
		attrs = append(attrs, attribute.String(prefix+keyRetire, k.retired))
	}
	if k.errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(k.errorType))
	}
	return attrs
}

func (k operationKey) sanitized() operationKey {
	k.name, k.component, k.errorType = sanitize.Label(k.name), sanitize.Label(k.component), sanitize.Label(k.errorType)
	k.cache, k.notResettable, k.retired = sanitize.Label(k.cache), sanitize.Label(k.notResettable), sanitize.Label(k.retired)
	return k
}

func (k operationKey) overflow() operationKey { return operationKey{name: "_OTHER"} }
