package telemetry_test

import (
	"context"
	"errors"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// The fixture world (testdata/fixture) has an export for each import, which calls it once. Its host functions have no code for
// telemetry.
var (
	fixtureHost = wit.MustParseID("test:fixture/host@1.0.0")
	fixtureRun  = wit.MustParseID("test:fixture/run@1.0.0")
	thingType   = &cm.ResourceType{Interface: fixtureHost, Name: "thing"}
)

// fixtureHostFuncs serves the fixture world.
func fixtureHostFuncs(l *component.Linker, release <-chan struct{}, finished *sync.WaitGroup) {
	u32, str, bytes := cm.TypeU32, cm.TypeString, cm.ListOf(cm.TypeU8)
	outcome := &cm.Type{Kind: cm.KindResult, OK: u32, Err: str}
	maybe := &cm.Type{Kind: cm.KindOption, Elem: cm.TypeU64}
	own, borrow := cm.OwnOf(thingType), cm.BorrowOf(thingType)
	param := func(name string, t *cm.Type) []cm.Field { return []cm.Field{{Name: name, Type: t}} }
	same := func(_ context.Context, a []cm.Val) (cm.Val, error) { return a[0], nil }
	none := func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil }
	h := l.Instance(fixtureHost)
	h.Resource("thing", thingType)
	h.Func("unit", &cm.FuncType{}, none)
	h.Func("number", &cm.FuncType{Params: param("x", u32), Result: u32}, same)
	h.Func("text", &cm.FuncType{Params: param("s", str), Result: str}, same)
	h.Func("bytes", &cm.FuncType{Params: param("b", bytes), Result: bytes}, same)
	h.Func("succeeds", &cm.FuncType{Result: outcome}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.OKVal(cm.U32Val(1)), nil })
	h.Func("refuses", &cm.FuncType{Result: outcome}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.ErrVal(cm.StringVal("no")), nil })
	h.Func("maybe", &cm.FuncType{Params: param("x", maybe), Result: maybe}, same)
	h.Func("waits", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		defer cm.Waiting(ctx)()
		return cm.Val{}, nil
	})
	h.Func("held", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		finish := cm.CallFrom(ctx).Hold()
		finished.Go(func() { <-release; finish(nil, nil) })
		return cm.Val{}, nil
	})
	h.Func("fails", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, errors.New("told to fail") })
	h.Func("panics", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { panic("told to panic") })
	h.Func("exits", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, &cm.ExitError{Code: 3} })
	thing := func(context.Context, []cm.Val) (cm.Val, error) {
		return cm.ResourceVal(cm.NewResource(thingType, 3)), nil
	}
	h.Func("[constructor]thing", &cm.FuncType{Params: param("n", u32), Result: own}, thing)
	h.Func("[method]thing.value", &cm.FuncType{Params: param("self", borrow), Result: u32},
		func(_ context.Context, a []cm.Val) (cm.Val, error) {
			return cm.U32Val(uint32(a[0].Resource().Obj.(int))), nil
		})
	h.Func("[static]thing.merge", &cm.FuncType{Params: []cm.Field{{Name: "a", Type: own}, {Name: "b", Type: own}}, Result: own}, thing)
}

// TestEveryImportHasASpan: each import of the fixture world leaves exactly one span, below the span of the export that calls it, with
// its outcome.
func TestEveryImportHasASpan(t *testing.T) {
	ctx := context.Background()
	wasm, err := os.ReadFile("../testdata/fixture/fixture.wasm")
	if err != nil {
		t.Fatal(err)
	}
	exporter := &keepSpans{tracetest.NewInMemoryExporter()}
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv: func(string) string { return "" }, Consumers: []export.Consumer{{Spans: exporter}}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	spec := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "fixture"}}}
	linker := engine.NewLinker(tel.Component(spec, &spec.Components[0]))
	release := make(chan struct{})
	var finished sync.WaitGroup
	fixtureHostFuncs(linker, release, &finished)
	c, err := linker.Load(ctx, "fixture", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}

	// Exports with other names than their imports, and imports that fail.
	exports := map[string]string{"[constructor]thing": "new", "[method]thing.value": "value", "[static]thing.merge": "merge"}
	failures := map[string]string{"fails": "trap.host-error", "panics": "trap.host-panic", "exits": "exit"}
	tested := 0
	want := map[string][2]string{} // span name → parent's name, error type
	for _, b := range linked.Boundaries() {
		if b.Kind != cm.GuestToHost {
			continue
		}
		tested++
		export := b.Func
		if e, ok := exports[b.Func]; ok {
			export = e
		}
		inst, err := linked.Instantiate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		f, err := inst.Func(fixtureRun, export)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Call(ctx)
		var exit *cm.ExitError
		switch failure := failures[b.Func]; {
		case b.Func == "exits":
			if !errors.As(err, &exit) || exit.Code != 3 {
				t.Errorf("exits: %v", err)
			}
		case (err != nil) != (failure != ""):
			t.Errorf("%s: %v", b.Func, err)
		}
		want[b.Name()] = [2]string{"fixture " + fixtureRun.String() + "#" + export, failures[b.Func]}
		if err := inst.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if tested != 15 {
		t.Fatalf("%d import bindings, wanted the 15 of the fixture world", tested)
	}
	close(release)
	finished.Wait()
	if err := tel.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	spans := exporter.GetSpans()
	names := map[string]string{}
	for _, s := range spans {
		names[s.SpanContext.TraceID().String()+s.SpanContext.SpanID().String()] = s.Name
	}
	seen := map[string]int{}
	for _, s := range spans {
		if !strings.HasPrefix(s.Name, fixtureHost.String()+"#") {
			continue
		}
		parent := names[s.Parent.TraceID().String()+s.Parent.SpanID().String()]
		if s.Name == fixtureHost.String()+"#[constructor]thing" && parent != want[s.Name][0] {
			continue // the constructor, which "value" and "merge" call, too
		}
		seen[s.Name]++
		w := want[s.Name]
		if parent != w[0] {
			t.Errorf("%s: parent %q, wanted %q", s.Name, parent, w[0])
		}
		if (s.Status.Code == codes.Error) != (w[1] != "") {
			t.Errorf("%s: status %v %q; wanted error type %q", s.Name, s.Status.Code, s.Status.Description, w[1])
		}
		if got := attr(s, "error.type"); got != w[1] {
			t.Errorf("%s: error.type %q, wanted %q", s.Name, got, w[1])
		}
		if got, refuses := attr(s, "vitrine.result"), strings.HasSuffix(s.Name, "#refuses"); refuses != strings.HasPrefix(got, "error") {
			t.Errorf("%s: vitrine.result %q", s.Name, got)
		}
	}
	for name := range want {
		if seen[name] != 1 {
			t.Errorf("%s: %d spans, wanted exactly one", name, seen[name])
		}
	}
}

// keepSpans is an in-memory exporter that still has its spans after Shutdown.
type keepSpans struct{ *tracetest.InMemoryExporter }

func (keepSpans) Shutdown(context.Context) error { return nil }

func attr(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}
