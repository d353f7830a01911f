package bound

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/trace"
)

type request struct{}

// inSpan is a context as deep as that of a host call.
func inSpan(sampled bool) context.Context {
	var flags trace.TraceFlags
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags.WithSampled(sampled),
	}))
	return context.WithValue(context.WithValue(ctx, request{}, 1), request{}, 2)
}

// BenchmarkRecord compares a measurement by the SDK's instruments with one by ours, on one core and on several at once.
func BenchmarkRecord(b *testing.B) {
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	attrs := []attribute.KeyValue{attribute.String("component", "shop"), attribute.String("interface", "a:b/c@1.0.0"),
		attribute.String("function", "f"), attribute.String("outcome", "ok")}
	var none *Producer
	own := NewProducer(Settings{Exemplars: exemplar.TraceBasedFilter})
	for name, m := range map[string]*Meter{
		"sdk": none.Meter(mp.Meter("x"), instrumentation.Scope{}), "bound": own.Meter(mp.Meter("x"), instrumentation.Scope{}),
	} {
		d, err := m.Durations("d", "", []float64{1e-6, 5e-6, 25e-6, 100e-6, 500e-6, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10})
		if err != nil {
			b.Fatal(err)
		}
		c, err := m.Counter("c", "", "")
		if err != nil {
			b.Fatal(err)
		}
		timer, adder := d.With(attrs...), c.With(attrs...)
		for _, sampled := range []bool{true, false} {
			ctx := inSpan(sampled)
			run := func(what string, f func()) {
				b.Run(fmt.Sprintf("%s/%s/sampled=%t", what, name, sampled), func(b *testing.B) {
					b.ReportAllocs()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							f()
						}
					})
				})
			}
			run("histogram", func() { timer.Record(ctx, 700*time.Nanosecond) })
			run("counter", func() { adder.Add(ctx, 1) })
		}
	}
}
