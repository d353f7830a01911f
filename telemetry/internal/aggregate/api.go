package aggregate

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
)

// API records sums and gauges with the instruments of a given provider. OpenTelemetry's API has no way to record a distribution
// that was measured before, nor a time. Safe for concurrent use.
type API struct {
	Provider metric.MeterProvider
	Extra    []attribute.KeyValue // of each scope; they identify the service where all share the provider

	mu          sync.Mutex
	instruments map[instrument]record
}

// instrument identifies one instrument.
type instrument struct {
	scope            instrumentation.Scope
	name, unit       string
	kind             Kind
	monotonic, float bool
}

// record records one number.
type record func(ctx context.Context, n Number, attrs metric.MeasurementOption)

// Add records the points of a metric: those of a cumulative one as [Writer.Since] gives them. ctx holds the span of exemplars.
func (a *API) Add(ctx context.Context, m *Metric) {
	if m.Kind != Gauge && m.Kind != Sum {
		return
	}
	for i := range m.Points {
		p := &m.Points[i]
		to := a.instrument(instrument{m.Scope, m.Name, m.Unit, m.Kind, m.Monotonic, m.Float || p.Value.IsFloat}, m.Description)
		if to == nil || m.Monotonic && p.Value.AsFloat() < 0 {
			continue
		}
		to(context.WithoutCancel(ctx), p.Value, metric.WithAttributeSet(p.Attributes))
	}
}

// instrument finds or makes an instrument; nil if the provider refuses it, or if there are too many.
func (a *API) instrument(in instrument, help string) record {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r, known := a.instruments[in]; known {
		return r
	}
	if len(a.instruments) >= MaxSeries {
		return nil
	}
	if a.instruments == nil {
		a.instruments = map[instrument]record{}
	}
	scope := append(in.scope.Attributes.ToSlice(), a.Extra...)
	meter := a.Provider.Meter(in.scope.Name, metric.WithInstrumentationVersion(in.scope.Version), metric.WithSchemaURL(in.scope.SchemaURL), metric.WithInstrumentationAttributes(scope...))
	r := in.make(meter, help)
	a.instruments[in] = r
	return r
}

func (in *instrument) make(m metric.Meter, help string) record {
	unit, desc := metric.WithUnit(in.unit), metric.WithDescription(help)
	switch {
	case in.kind == Gauge && in.float:
		return recordWith(m.Float64Gauge(in.name, unit, desc))(func(g metric.Float64Gauge, ctx context.Context, n Number, o metric.MeasurementOption) {
			g.Record(ctx, n.AsFloat(), o)
		})
	case in.kind == Gauge:
		return recordWith(m.Int64Gauge(in.name, unit, desc))(func(g metric.Int64Gauge, ctx context.Context, n Number, o metric.MeasurementOption) {
			g.Record(ctx, n.Int, o)
		})
	case in.monotonic && in.float:
		return recordWith(m.Float64Counter(in.name, unit, desc))(func(c metric.Float64Counter, ctx context.Context, n Number, o metric.MeasurementOption) {
			c.Add(ctx, n.AsFloat(), o)
		})
	case in.monotonic:
		return recordWith(m.Int64Counter(in.name, unit, desc))(func(c metric.Int64Counter, ctx context.Context, n Number, o metric.MeasurementOption) {
			c.Add(ctx, n.Int, o)
		})
	case in.float:
		return recordWith(m.Float64UpDownCounter(in.name, unit, desc))(func(c metric.Float64UpDownCounter, ctx context.Context, n Number, o metric.MeasurementOption) {
			c.Add(ctx, n.AsFloat(), o)
		})
	}
	return recordWith(m.Int64UpDownCounter(in.name, unit, desc))(func(c metric.Int64UpDownCounter, ctx context.Context, n Number, o metric.MeasurementOption) {
		c.Add(ctx, n.Int, o)
	})
}

// recordWith makes a record of an instrument; nil if the provider has refused to make it.
func recordWith[I any](in I, err error) func(func(I, context.Context, Number, metric.MeasurementOption)) record {
	return func(f func(I, context.Context, Number, metric.MeasurementOption)) record {
		if err != nil {
			return nil
		}
		return func(ctx context.Context, n Number, o metric.MeasurementOption) { f(in, ctx, n, o) }
	}
}
