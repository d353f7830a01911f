package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/workload"
)

// records keeps log records as they are emitted.
type records struct{ all []sdklog.Record }

func (r *records) OnEmit(_ context.Context, rec *sdklog.Record) error {
	r.all = append(r.all, rec.Clone())
	return nil
}
func (*records) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*records) Shutdown(context.Context) error                         { return errors.New("shut down by others") }
func (*records) ForceFlush(context.Context) error                       { return nil }

// embedderProviders are the providers of a program with an SDK of its own.
type embedderProviders struct {
	spans  *tracetest.InMemoryExporter
	tracer *sdktrace.TracerProvider
	reader *sdkmetric.ManualReader
	logs   *records
	export.Providers
}

func newEmbedderProviders(sampler sdktrace.Sampler) *embedderProviders {
	res := resource.NewSchemaless(semconv.ServiceName("shopfront"))
	e := &embedderProviders{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader(), logs: &records{}}
	e.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(e.spans), sdktrace.WithResource(res), sdktrace.WithSampler(sampler))
	e.Providers = export.Providers{
		Tracer: e.tracer,
		Meter:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(e.reader), sdkmetric.WithResource(res)),
		Logger: sdklog.NewLoggerProvider(sdklog.WithProcessor(e.logs), sdklog.WithResource(res)),
	}
	return e
}

// callUnit calls the fixture's export "unit" with ctx, which calls the import of the same name, which logs a line.
func callUnit(ctx context.Context, t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	wasm, err := os.ReadFile("../testdata/fixture/fixture.wasm")
	if err != nil {
		t.Fatal(err)
	}
	spec := &workload.Spec{Name: "w", Namespace: "ns", Version: "1.2", Components: []workload.Component{{Name: "fixture"}}}
	o := tel.Component(spec, &spec.Components[0])
	defer o.Release()
	linker := engine.NewLinker(o)
	fixtureHostFuncs(linker, nil, &sync.WaitGroup{})
	c, err := linker.Load(ctx, "fixture", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f, err := inst.Func(fixtureRun, "unit")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Call(ctx); err != nil {
		t.Fatal(err)
	}
	o.Log(ctx, host.LogLine{Component: "fixture", Severity: host.SeverityInfo, Text: "hello"})
}

func spanNamed(t *testing.T, spans tracetest.SpanStubs, part string) tracetest.SpanStub {
	t.Helper()
	for _, s := range spans {
		if strings.Contains(s.Name, part) {
			return s
		}
	}
	t.Fatalf("no span %q among %d", part, len(spans))
	return tracetest.SpanStub{}
}

func value(set *attribute.Set, key attribute.Key) string {
	v, _ := set.Value(key)
	return v.AsString()
}

// An embedder's providers get all three signals, with a request's spans below the span in its context; consumers and the tree get the
// same; and the embedder keeps ownership of the providers.
func TestProvidersOfAnEmbedder(t *testing.T) {
	e := newEmbedderProviders(sdktrace.AlwaysSample())
	beside := &keepSpans{tracetest.NewInMemoryExporter()}
	var trees bytes.Buffer
	tel, err := telemetry.New(t.Context(), telemetry.Config{
		Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "v0", TraceTree: &trees,
		Providers: export.Use(e.Providers), Consumers: []export.Consumer{{Spans: beside}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, parent := e.tracer.Tracer("app").Start(t.Context(), "checkout")
	callUnit(ctx, t, tel)
	parent.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	for name, got := range map[string]tracetest.SpanStubs{"provider": e.spans.GetSpans(), "consumer beside it": beside.GetSpans()} {
		root := spanNamed(t, got, "checkout")
		export := spanNamed(t, got, fixtureRun.String()+"#unit")
		imported := spanNamed(t, got, fixtureHost.String()+"#unit")
		if export.Parent.SpanID() != root.SpanContext.SpanID() || imported.Parent.SpanID() != export.SpanContext.SpanID() ||
			imported.SpanContext.TraceID() != parent.SpanContext().TraceID() {
			t.Errorf("%s: parents %s and %s", name, export.Parent.SpanID(), imported.Parent.SpanID())
		}
		scope := export.InstrumentationScope
		if value(&scope.Attributes, "service.name") != "fixture" || value(&scope.Attributes, "service.namespace") != "ns" || value(export.Resource.Set(), "service.name") != "shopfront" {
			t.Errorf("%s: scope %v, resource %v", name, scope.Attributes.ToSlice(), export.Resource)
		}
	}
	if !strings.Contains(trees.String(), "#unit") {
		t.Errorf("no tree: %s", trees.String())
	}
	var rm metricdata.ResourceMetrics
	if err := e.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if m.Name == "vitrine.invocations" && value(&sm.Scope.Attributes, "service.name") == "fixture" {
				calls += int(m.Data.(metricdata.Sum[int64]).DataPoints[0].Value)
			}
		}
	}
	if calls != 1 {
		t.Errorf("%d invocations measured", calls)
	}
	if len(e.logs.all) != 1 || e.logs.all[0].TraceID() != parent.SpanContext().TraceID() || e.logs.all[0].SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("log records %v", e.logs.all)
	}
	before := len(e.spans.GetSpans())
	_, after := e.tracer.Tracer("app").Start(t.Context(), "after")
	after.End()
	if len(e.spans.GetSpans()) != before+1 {
		t.Error("telemetry's end has ended the embedder's provider")
	}
}

// A provider's own sampler decides, and providers need not be the SDK's.
func TestNonRecordingProviders(t *testing.T) {
	never := newEmbedderProviders(sdktrace.NeverSample())
	for name, p := range map[string]export.Providers{
		"never sampled": never.Providers, "no SDK": {Tracer: nooptrace.NewTracerProvider()}, "metrics alone": {Meter: never.Meter}, "nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			tel, err := telemetry.New(t.Context(), telemetry.Config{Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Providers: export.Use(p)})
			if err != nil {
				t.Fatal(err)
			}
			callUnit(t.Context(), t, tel)
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	if n := len(never.spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

// New fails if the host's providers cannot be made; OTEL_SDK_DISABLED disables an embedder's providers, too.
func TestFailingProviders(t *testing.T) {
	asked := 0
	cfg := telemetry.Config{Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler),
		Providers: func(context.Context, export.Service) (export.Providers, error) {
			asked++
			return export.Providers{}, errors.New("told to fail")
		}}
	if _, err := telemetry.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "told to fail") {
		t.Errorf("error %v", err)
	}
	cfg.Getenv = func(key string) string {
		if key == "OTEL_SDK_DISABLED" {
			return "true"
		}
		return ""
	}
	tel, err := telemetry.New(t.Context(), cfg)
	if err != nil || asked != 1 {
		t.Fatalf("switched off: %v, asked %d times", err, asked)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// An embedder's resource and sampler apply to consumers: the resource describes the process, and components keep their identity.
func TestResourceAndSamplerOfAnEmbedder(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{"all": nil, "none": sdktrace.NeverSample()} {
		spans := &keepSpans{tracetest.NewInMemoryExporter()}
		tel, err := telemetry.New(t.Context(), telemetry.Config{Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Sampler: sampler,
			Consumers: []export.Consumer{{Spans: spans}},
			Resource:  resource.NewSchemaless(semconv.ServiceName("shopfront"), attribute.String("team", "blue\xff"))})
		if err != nil {
			t.Fatal(err)
		}
		callUnit(t.Context(), t, tel)
		_, end := cm.Begin(t.Context(), tel.Host(), &cm.Operation{Name: "start"})
		end(nil)
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		services := map[string]bool{}
		for _, s := range spans.GetSpans() {
			services[value(s.Resource.Set(), "service.name")] = true
			if got := value(s.Resource.Set(), "team"); got != "blue\uFFFD" {
				t.Errorf("resource %v", s.Resource)
			}
		}
		if want := sampler == nil; services["fixture"] != want || services["shopfront"] != want || services["vitrine"] {
			t.Errorf("%s: services %v", name, services)
		}
	}
}
