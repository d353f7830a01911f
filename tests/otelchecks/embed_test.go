package otelchecks

import (
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
)

// TestProvidersOfAnEmbedder: an embedder's own providers get what guests record, with the guests' identifiers if their generator lets
// them, and consumers get everything once.
func TestProvidersOfAnEmbedder(t *testing.T) {
	for name, ids := range map[string]bool{"generator": true, "no generator": false} {
		t.Run(name, func(t *testing.T) {
			spans := tracetest.NewInMemoryExporter()
			opts := []sdktrace.TracerProviderOption{sdktrace.WithSyncer(spans)}
			if ids {
				opts = append(opts, sdktrace.WithIDGenerator(export.IDGenerator(nil)))
			}
			reader := sdkmetric.NewManualReader()
			p := export.Providers{Tracer: sdktrace.NewTracerProvider(opts...), Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))}
			r := newRig(t, func(c *rigConfig) { c.telemetry.Providers = export.Use(p) })
			im := newImage()
			s := spanOf(hostTrace, 1, 0)
			s.Events, s.Attributes = []bindings.Event{{Name: "e"}}, []bindings.KeyValue{{Key: "k", Value: "[1,2]"}}
			im.start(s.SpanContext).work().end(s).start(contextOf(ownTrace, 2)).work().end(spanOf(ownTrace, 2, 0))
			im.export(counterOf("c", 2), histogramOf("h", nil))
			im.export(counterOf("c", 5), bindings.Metric{Name: "g", Data: bindings.MetricDataF64Gauge(bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Value: bindings.MetricNumberF64(1.5)}}})})
			r.play(im)
			if got := r.tree(); !strings.Contains(got, "s1(work)") || !strings.Contains(got, "s2(work)") || strings.Contains(got, "twice") { // the consumer beside the providers
				t.Errorf("the consumer has %s", got)
			}
			own := 0
			for _, s := range spans.GetSpans() {
				if s.InstrumentationScope.Name != "sdk" {
					continue
				}
				own++
				if want := map[string]string{"s1": spanID(1), "s2": spanID(2)}[s.Name]; s.SpanContext.SpanID().String() != want {
					t.Errorf("%s has %s", s.Name, s.SpanContext.SpanID())
				}
				if s.Name == "s1" && (len(s.Events) != 1 || s.StartTime.Unix() != 1_700_000_000 || s.SpanContext.TraceID().String() != hostTrace) {
					t.Errorf("%+v", s)
				}
			}
			if want := map[bool]int{true: 2}[ids]; own != want {
				t.Errorf("the provider has %d of the guest's spans", own)
			}
			var rm metricdata.ResourceMetrics
			if err := reader.Collect(t.Context(), &rm); err != nil {
				t.Fatal(err)
			}
			got := map[string]metricdata.Aggregation{}
			for _, sm := range rm.ScopeMetrics {
				if sm.Scope.Name == "sdk" {
					for _, m := range sm.Metrics {
						got[m.Name] = m.Data
					}
				}
			}
			c, _ := got["c"].(metricdata.Sum[int64])
			g, _ := got["g"].(metricdata.Gauge[float64])
			if len(c.DataPoints) != 1 || c.DataPoints[0].Value != 5 || len(g.DataPoints) != 1 || g.DataPoints[0].Value != 1.5 || len(got) != 2 {
				t.Errorf("the provider has %v", got)
			}
		})
	}
}

// TestTreeOfOwnTrace: the printer of trees shows a trace that a guest has begun in one piece.
func TestTreeOfOwnTrace(t *testing.T) {
	var trees strings.Builder
	r := newRig(t, func(c *rigConfig) { c.telemetry.TraceTree = &trees })
	im := newImage()
	im.start(contextOf(ownTrace, 1)).work().start(contextOf(ownTrace, 2)).work().end(spanOf(ownTrace, 2, 1)).end(spanOf(ownTrace, 1, 0))
	r.play(im)
	r.end()
	_, own, _ := strings.Cut(trees.String(), "trace "+ownTrace+"\n")
	own, _, _ = strings.Cut(own, "\ntrace ")
	if n := strings.Count(trees.String(), "trace "+ownTrace); n != 1 || !strings.HasPrefix(own, "s1") || strings.Count(own, "#work") != 2 || !strings.Contains(own, "s2") {
		t.Errorf("%d times:\n%s", n, trees.String())
	}
}
