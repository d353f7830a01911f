package export_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/workload"
)

// counter is an exporter that counts spans.
type counter int

func (c *counter) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	*c += counter(len(spans))
	return nil
}
func (c *counter) Shutdown(context.Context) error { return nil }

// A program's own exporters get all signals, besides other consumers.
func Example() {
	ctx := context.Background()
	var one, other counter
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv:    func(string) string { return "" },
		Logger:    slog.New(slog.DiscardHandler),
		Consumers: []export.Consumer{{Spans: &one}},
		Providers: export.Use(export.Providers{Tracer: trace.NewTracerProvider(trace.WithSyncer(&other))}),
	})
	if err != nil {
		log.Fatal(err)
	}
	spec := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "cart"}}}
	observer := tel.Component(spec, &spec.Components[0])
	_, end := cm.Begin(ctx, observer, &cm.Operation{Name: "link", Component: "cart"})
	end(nil)
	observer.Release()
	if err := tel.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(one, other)
	// Output: 1 1
}
