package pipeline

import (
	"context"
	"log/slog"
	"strings"

	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

// propagatorOf makes the propagators that OTEL_PROPAGATORS names. It warns of unknown names; without a known one it uses W3C trace
// context and baggage.
func propagatorOf(e env.Env) propagation.TextMapPropagator {
	bag := &quietBaggage{log: e.Log}
	std := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, bag)
	v := e.Text("OTEL_PROPAGATORS")
	if v == "" {
		return std
	}
	var all []propagation.TextMapPropagator
	seen := map[string]bool{}
	for name := range strings.SplitSeq(v, ",") {
		name = strings.TrimSpace(name)
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		if name == "baggage" {
			all = append(all, bag)
			continue
		}
		p, err := autoprop.TextMapPropagator(name)
		if err != nil {
			e.WarnIgnored("OTEL_PROPAGATORS", name, "want tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace or none")
			continue
		}
		if name == "none" {
			return p
		}
		if p != nil {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return std
	}
	return propagation.NewCompositeTextMapPropagator(all...)
}

// quietBaggage is W3C baggage that logs malformed input of clients at debug level, without its content. The SDK's passes it to the
// error handler, with its content.
type quietBaggage struct {
	propagation.Baggage
	log      *slog.Logger
	throttle env.Throttle
}

// maxBaggage bounds a baggage, in bytes (W3C Baggage, §3.3.2).
const maxBaggage = 8192

// Extract takes the valid entries, unless the baggage is too long.
func (q *quietBaggage) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	values := []string{c.Get("baggage")}
	if all, ok := c.(propagation.ValuesGetter); ok {
		values = all.Values("baggage")
	}
	size := max(len(values)-1, 0)
	for _, v := range values {
		size += len(v)
	}
	switch {
	case size == 0:
		return ctx
	case size > maxBaggage:
		q.logIgnored("it is too long")
		return ctx
	}
	bag, err := baggage.Parse(strings.Join(values, ","))
	if err != nil {
		q.logIgnored("it is malformed")
	}
	if bag.Len() == 0 {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, bag)
}

func (q *quietBaggage) logIgnored(why string) {
	if q.throttle.Allow(why) {
		q.log.Debug("telemetry: the baggage of a request is not taken over in full", "reason", why)
	}
}
