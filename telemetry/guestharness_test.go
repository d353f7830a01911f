package telemetry_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

const scriptedGuestFile = "../testdata/otel/otel.wasm"

// scriptedGuests serves testdata/otel as wasi:otel will be served: its host functions say to the Sink what an SDK in the guest says.
type scriptedGuests struct {
	work  func(ctx context.Context, sink otel.Sink, n uint32) // nil: it does nothing
	park  func(ctx context.Context)                           // not nil: the work, off the store
	shape func(s *otel.Span)                                  // changes a span that ends
	state otel.TraceState                                     // of every span

	mu      sync.Mutex
	parents map[uint32]otel.SpanContext // of started spans, as the SDK has read them
}

func (*scriptedGuests) Name() string              { return "actors" }
func (*scriptedGuests) Serves() []wit.InterfaceID { return nil }
func (a *scriptedGuests) Bind(_ context.Context, l *component.Linker, b *host.Binding) (func(), error) {
	a.define(l, b.Telemetry)
	return nil, nil
}

func (a *scriptedGuests) define(l *component.Linker, sink otel.Sink) {
	h := l.Instance(wit.MustParseID("test:otel/host"))
	h.GoFunc("start", func(ctx context.Context, n uint32) {
		parent := sink.Current(ctx)
		a.mu.Lock()
		if a.parents == nil {
			a.parents = map[uint32]otel.SpanContext{}
		}
		if old, known := a.parents[n]; !known || old.TraceID != parent.TraceID {
			a.parents[n] = parent
		}
		a.mu.Unlock()
		sink.StartSpan(ctx, a.context(parent, n))
	})
	if a.park != nil {
		h.Define(cm.HostDef{
			Name: "work", Type: &cm.FuncType{Params: []cm.Field{{Name: "n", Type: &cm.Type{Kind: cm.KindU32}}}},
			Parts: func(context.Context, []cm.Val) (cm.Work, error) {
				return func(ctx context.Context) cm.Finish {
					a.park(ctx)
					return func(context.Context) (cm.Val, error) { return cm.Val{}, nil }
				}, nil
			},
		})
	} else {
		h.GoFunc("work", func(ctx context.Context, n uint32) {
			if a.work != nil {
				a.work(ctx, sink, n)
			}
		})
	}
	h.GoFunc("end", func(ctx context.Context, n uint32) {
		a.mu.Lock()
		parent, ok := a.parents[n]
		a.mu.Unlock()
		if !ok {
			parent = sink.Outer(ctx)
		}
		now := time.Now()
		at := otel.Time{Seconds: uint64(now.Unix()), Nanoseconds: uint32(now.Nanosecond())}
		s := &otel.Span{Context: a.context(parent, n), ParentID: parent.SpanID, Name: fmt.Sprint("guest ", n), Start: at, End: at, Scope: otel.Scope{Name: "sdk"}}
		if n == ownTrace {
			s.ParentID = otel.SpanID{}
		}
		if a.shape != nil {
			a.shape(s)
		}
		sink.EndSpan(ctx, s)
	})
}

// Numbers of spans that are of another kind than their parent says.
const (
	unsampled = 7 // recorded, and not to be exported
	ownTrace  = 8
	nameless  = 9 // has no identifier
)

// context is the span of a number below parent.
func (a *scriptedGuests) context(parent otel.SpanContext, n uint32) otel.SpanContext {
	c := otel.SpanContext{TraceID: parent.TraceID, Sampled: n != unsampled, State: a.state}
	if n == ownTrace {
		c.TraceID = otel.TraceID{1: 8}
	}
	if n != nameless {
		binary.BigEndian.PutUint32(c.SpanID[4:], n+1)
	}
	return c
}

// guestHarness is a host with one workload of actors.
type guestHarness struct {
	*telemetry.Telemetry
	t       *testing.T
	spans   *tracetest.InMemoryExporter
	logs    *recordedLogs
	reader  *sdkmetric.ManualReader
	pushed  *recordedMetrics
	invoker host.Invoker
}

func newGuestHarness(t *testing.T, a *scriptedGuests, change func(*workload.Component)) *guestHarness {
	t.Helper()
	s := &guestHarness{t: t, spans: tracetest.NewInMemoryExporter(), logs: &recordedLogs{}, reader: sdkmetric.NewManualReader(), pushed: &recordedMetrics{}}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	s.Telemetry, err = telemetry.New(t.Context(), telemetry.Config{
		Getenv: func(string) string { return "" }, Version: "v0", Logger: quiet,
		Consumers: []export.Consumer{{Spans: s.spans, Logs: s.logs, MetricReader: s.reader}, {Metrics: s.pushed}},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trigger := &invokeTrigger{map[string]host.Invoker{}}
	h, err := host.New(host.Config{Engine: engine, Observer: s.Telemetry, Logger: quiet, Triggers: []host.Trigger{trigger}, Plugins: []host.Plugin{a}})
	if err != nil {
		t.Fatal(err)
	}
	c := workload.Component{Name: "actor", Source: workload.Source{File: scriptedGuestFile}}
	if change != nil {
		change(&c)
	}
	if _, err := h.Start(t.Context(), &workload.Spec{Name: "w", Namespace: "n", Version: "1", Components: []workload.Component{c}}); err != nil {
		t.Fatal(err)
	}
	s.invoker = trigger.invokers["n/1"]
	t.Cleanup(func() {
		for _, end := range []func(context.Context) error{h.Close, s.Shutdown, engine.Close} {
			if err := end(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// run has the guest execute a script.
func (s *guestHarness) run(script string) error {
	s.t.Helper()
	return s.invoker.Invoke(s.t.Context(), &host.Invocation{Component: "actor", Trigger: "hand", Name: "play", Run: func(ctx context.Context, inst *component.Instance) error {
		_, err := inst.Call(ctx, "test:otel/actor#play", strings.ReplaceAll(script, " ", ""))
		return err
	}})
}

// endedSpans flushes and gives the spans, but not those of starts and ends, which real ones of wasi:otel do not have, and of the lives
// of workload and instances.
func (s *guestHarness) endedSpans() tracetest.SpanStubs {
	s.t.Helper()
	if err := s.Flush(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	return slices.DeleteFunc(s.spans.GetSpans(), func(s tracetest.SpanStub) bool {
		return !slices.ContainsFunc([]string{"hand play", "#play", "#work", "guest ", "unfinished", "\uFFFD"}, func(part string) bool { return strings.Contains(s.Name, part) })
	})
}

// irregular is what has been counted as irregular, by reason.
func (s *guestHarness) irregular() map[string]int64 {
	s.t.Helper()
	var rm metricdata.ResourceMetrics
	if err := s.reader.Collect(context.Background(), &rm); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if d, ok := m.Data.(metricdata.Sum[int64]); ok && (m.Name == "vitrine.guest_telemetry.irregular" || m.Name == "vitrine.output.dropped") {
				for _, p := range d.DataPoints {
					why, _ := p.Attributes.Value("vitrine.reason")
					limit, _ := p.Attributes.Value("vitrine.limit")
					out[why.AsString()+limit.AsString()] += p.Value
				}
			}
		}
	}
	return out
}

// outline is a tree of spans in one line: "a(b c(d))". Names are the last words of the spans'.
func outline(spans tracetest.SpanStubs) string {
	ids := map[string]bool{}
	for _, s := range spans {
		ids[s.SpanContext.TraceID().String()+s.SpanContext.SpanID().String()] = true
	}
	seen := 0
	var below func(parent string) string
	below = func(parent string) string {
		var kids tracetest.SpanStubs
		for _, s := range spans {
			p := s.Parent.TraceID().String() + s.Parent.SpanID().String()
			if p == parent || parent == "" && !ids[p] {
				kids = append(kids, s)
			}
		}
		slices.SortStableFunc(kids, func(x, y tracetest.SpanStub) int { return x.StartTime.Compare(y.StartTime) })
		var out []string
		for _, s := range kids {
			seen++
			name := s.Name[strings.LastIndexAny(s.Name, "# ")+1:]
			if in := below(s.SpanContext.TraceID().String() + s.SpanContext.SpanID().String()); in != "" {
				name += "(" + in + ")"
			}
			out = append(out, name)
		}
		return strings.Join(out, " ")
	}
	out := below("")
	if seen != len(spans) {
		out += fmt.Sprintf(" and %d in circles", len(spans)-seen)
	}
	return out
}

// recordedLogs is an exporter that keeps records.
type recordedLogs struct {
	mu      sync.Mutex
	records []sdklog.Record
}

func (k *recordedLogs) Export(_ context.Context, rs []sdklog.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range rs {
		k.records = append(k.records, r.Clone())
	}
	return nil
}

func (k *recordedLogs) all() []sdklog.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.records)
}

func (*recordedLogs) Shutdown(context.Context) error   { return nil }
func (*recordedLogs) ForceFlush(context.Context) error { return nil }

// recordedMetrics is an exporter that keeps the last sum of each metric by who has exported it.
type recordedMetrics struct {
	mu   sync.Mutex
	told map[string]map[string]int64 // metric → service.instance.id
}

func (k *recordedMetrics) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	id, _ := rm.Resource.Set().Value("service.instance.id")
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if k.told == nil {
				k.told = map[string]map[string]int64{}
			}
			if k.told[m.Name] == nil {
				k.told[m.Name] = map[string]int64{}
			}
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && len(sum.DataPoints) > 0 {
				k.told[m.Name][id.AsString()] = sum.DataPoints[0].Value
			}
		}
	}
	return nil
}

// of returns how many have exported a metric, and what it adds up to.
func (k *recordedMetrics) of(metric string) (writers int, sum int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range k.told[metric] {
		sum += n
	}
	return len(k.told[metric]), sum
}

func (*recordedMetrics) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (*recordedMetrics) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}
func (*recordedMetrics) ForceFlush(context.Context) error { return nil }
func (*recordedMetrics) Shutdown(context.Context) error   { return nil }
