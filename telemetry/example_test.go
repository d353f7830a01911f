package telemetry_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Every call across a component's boundary is a span of the program's own tracer provider.
func Example() {
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv:    func(string) string { return "" },
		Logger:    slog.New(slog.DiscardHandler),
		Providers: export.Use(export.Providers{Tracer: provider}),
	})
	exampleCheck(err)
	spec := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "greeter"}}}
	observer := tel.Component(spec, &spec.Components[0])

	engine, err := component.NewEngine(ctx)
	exampleCheck(err)
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../examples/embed/greeter.wasm")
	exampleCheck(err)
	loaded, err := engine.Load(ctx, "greeter", wasm)
	exampleCheck(err)
	linker := engine.NewLinker(observer)
	linker.Instance(wit.MustParseID("example:greet/host")).GoFunc("shout", strings.ToUpper)
	linked, err := linker.Link(ctx, loaded)
	exampleCheck(err)
	instance, err := linked.Instantiate(ctx)
	exampleCheck(err)
	spans.Reset() // of loading and linking
	_, err = instance.Call(ctx, "example:greet/guest#greet", "world")
	exampleCheck(err)

	observer.Release()
	exampleCheck(tel.Shutdown(ctx))
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name)
	}
	// Output:
	// example:greet/host#shout
	// greeter example:greet/guest#greet
}

func exampleCheck(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
