package telemetry_test

import (
	"context"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"io"
	"log/slog"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestGauges(t *testing.T) {
	ctx := context.Background()
	reader := sdkmetric.NewManualReader()
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv: func(string) string { return "" }, Consumers: []export.Consumer{{MetricReader: reader}}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	spec := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "cart"}}}
	busy := int64(3)
	stop := cm.AddGauge(tel.Component(spec, &spec.Components[0]), "cart", cm.Gauge{
		Name: "instances", Unit: "{instance}", Read: func(observe func(int64, ...cm.Attr)) {
			observe(busy, cm.Attr{Key: "instance.state", Value: "busy"})
			observe(1, cm.Attr{Key: "instance.state", Value: "idle"})
		},
	})
	read := func() map[string]int64 {
		var rm metricdata.ResourceMetrics
		if err := reader.Collect(ctx, &rm); err != nil {
			t.Fatal(err)
		}
		out := map[string]int64{}
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name != "vitrine.instances" {
					continue
				}
				for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
					state, _ := p.Attributes.Value("vitrine.instance.state")
					name, _ := p.Attributes.Value("vitrine.component")
					out[name.AsString()+" "+state.AsString()] = p.Value
				}
			}
		}
		return out
	}
	if got := read(); got[" busy"] != 3 || got[" idle"] != 1 || len(got) != 2 {
		t.Errorf("read %v", got)
	}
	busy = 0
	if got := read(); got[" busy"] != 0 {
		t.Errorf("read %v", got)
	}
	stop()
	if got := read(); len(got) != 0 {
		t.Errorf("after the end: %v", got)
	}
	if err := tel.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	cm.AddGauge(nil, "x", cm.Gauge{})()
}
