package telemetry

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var update = flag.Bool("update", false, "write the goldens")

// harness is a Telemetry with exporters in memory, and a workload of three linked components.
type harness struct {
	*Telemetry
	t           testing.TB
	spans       *tracetest.InMemoryExporter
	logs        *memoryLogs
	reader      *sdkmetric.ManualReader
	said        *bytes.Buffer
	spec        *workload.Spec
	interceptor host.ComponentObserver
}

func vars(kv map[string]string) func(string) string { return func(k string) string { return kv[k] } }

func newHarness(t testing.TB, change func(*Config, *workload.Spec)) *harness {
	t.Helper()
	b := &harness{
		t: t, spans: tracetest.NewInMemoryExporter(), logs: &memoryLogs{}, reader: sdkmetric.NewManualReader(), said: &bytes.Buffer{},
		spec: &workload.Spec{Name: "shop", Namespace: "test", Version: "1.2.3", Components: []workload.Component{
			{Name: "shop", Links: map[string]string{"shop:cart/cart": "cart"}},
			{Name: "cart", Links: map[string]string{"shop:price/price": "price"}},
			{Name: "price"},
		}},
	}
	cfg := Config{
		Getenv: vars(nil), Version: "v0", Logger: slog.New(slog.NewTextHandler(b.said, nil)),
		Consumers: []export.Consumer{{Spans: b.spans, Logs: b.logs, MetricReader: b.reader}},
	}
	if change != nil {
		change(&cfg, b.spec)
	}
	tel, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	b.Telemetry = tel
	b.interceptor = tel.Component(b.spec, &b.spec.Components[0])
	return b
}

// bind binds a boundary.
func (b *harness) bind(bd *cm.Boundary) boundHooks { return boundHooks{bd, b.interceptor.Bind(bd)} }

type boundHooks struct {
	b *cm.Boundary
	h cm.Hooks
}

// cross makes one call as the engine does.
func (e boundHooks) cross(ctx context.Context, args []cm.Val, f func(ctx context.Context) (cm.Val, error)) (cm.Val, error) {
	if e.h == nil {
		return f(ctx)
	}
	c := cm.NewCrossing(e.b, cm.CallFrom(ctx), ctx)
	c.Instance = cm.InstanceInfo{ID: 7, Reuse: "fresh", Isolation: "snapshot", NotResettable: "table-changed"}
	c.SetArgs(args)
	inner := cm.WithCall(c.Enter(e.h), &c.Call)
	v, err := f(inner)
	end := cm.End{Err: err}
	if e.b.Kind != cm.GuestToHost {
		end.Guest, end.Host, end.Fuel = time.Millisecond, time.Microsecond, 42
	}
	c.Leave(v, end)
	return v, err
}

// request is the subject of an HTTP event.
type request struct {
	r       *http.Request
	route   string
	status  int
	in, out int64
}

func (r *request) HTTPRequest() *http.Request    { return r.r }
func (r *request) HTTPRoute() string             { return r.route }
func (r *request) HTTPStatus() int               { return r.status }
func (r *request) HTTPBodySizes() (int64, int64) { return r.in, r.out }

// serve makes one event as the host does.
func (b *harness) serve(r *request, f func(ctx context.Context) error) {
	e := b.bind(&cm.Boundary{Kind: cm.Event, Caller: "http", Callee: "shop", Func: r.route})
	if e.h == nil {
		_ = f(r.r.Context())
		return
	}
	c := cm.NewCrossing(e.b, nil, r.r.Context())
	c.Subject = r
	err := f(cm.WithCall(c.Enter(e.h), &c.Call))
	c.Leave(cm.Val{}, cm.End{Err: err})
}

// outRequest is the resource of an outgoing request.
type outRequest struct {
	method string
	u      *url.URL
	h      http.Header
}

func (o *outRequest) OutgoingMethod() string      { return o.method }
func (o *outRequest) OutgoingURL() *url.URL       { return o.u }
func (o *outRequest) OutgoingHeader() http.Header { return o.h }

var (
	requestType = &cm.Type{Kind: cm.KindOwn, Resource: &cm.ResourceType{Name: "request"}}
	errorCode   = &cm.Type{Kind: cm.KindVariant, Cases: []cm.Case{{Name: "DNS-timeout"}, {Name: "connection-refused"}, {Name: "HTTP-request-denied"}}}

	handleEdge = &cm.Boundary{ID: 1, Kind: cm.HostToGuest, Caller: "host", Callee: "shop",
		Interface: wit.MustParseID("wasi:http/incoming-handler@0.2.0"), Func: "handle",
		Type: &cm.FuncType{Params: []cm.Field{{Name: "request", Type: requestType}}}}
	cartEdge = &cm.Boundary{ID: 2, Kind: cm.GuestToGuest, Caller: "shop", Callee: "cart",
		Interface: wit.MustParseID("shop:cart/cart@1.0.0"), Func: "total",
		Type: &cm.FuncType{Result: &cm.Type{Kind: cm.KindResult, Err: &cm.Type{Kind: cm.KindEnum, Labels: []string{"empty", "unknown-item"}}}}}
	outEdge = &cm.Boundary{ID: 4, Kind: cm.GuestToHost, Caller: "shop", Callee: "host",
		Interface: wit.MustParseID("wasi:http/outgoing-handler@0.2.0"), Func: "handle",
		Type: &cm.FuncType{Params: []cm.Field{{Name: "request", Type: requestType}},
			Result: &cm.Type{Kind: cm.KindResult, OK: requestType, Err: errorCode}}}
	customEdge = &cm.Boundary{ID: 5, Kind: cm.GuestToHost, Caller: "shop", Callee: "host",
		Interface: wit.MustParseID("acme:db/query@0.1.0"), Func: "run",
		Type: &cm.FuncType{Params: []cm.Field{{Name: "n", Type: &cm.Type{Kind: cm.KindU32}}}}}
	clockEdge = &cm.Boundary{ID: 6, Kind: cm.GuestToHost, Caller: "shop", Callee: "host",
		Interface: wit.MustParseID("wasi:clocks/monotonic-clock@0.2.0"), Func: "now", Type: &cm.FuncType{}}
)

func nothing(context.Context) (cm.Val, error) { return cm.Val{}, nil }

func resourceArg(obj any) []cm.Val {
	return []cm.Val{cm.ResourceVal(cm.NewResource(requestType.Resource, obj))}
}

// memoryLogs is an exporter that keeps records.
type memoryLogs struct {
	mu      sync.Mutex
	records []sdklog.Record
}

func (m *memoryLogs) Export(_ context.Context, rs []sdklog.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rs {
		m.records = append(m.records, r.Clone())
	}
	return nil
}

// format formats the records, each with its span among spans.
func (m *memoryLogs) format(spans tracetest.SpanStubs) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, r := range m.records {
		fmt.Fprintf(&b, "log %s %s %q", r.Severity(), r.EventName(), r.Body().AsString())
		for _, s := range spans {
			if s.SpanContext.SpanID() == r.SpanID() {
				b.WriteString(" in " + s.Name)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (m *memoryLogs) Shutdown(context.Context) error   { return nil }
func (m *memoryLogs) ForceFlush(context.Context) error { return nil }

// ended flushes and gives the spans.
func (b *harness) ended() tracetest.SpanStubs {
	b.t.Helper()
	if err := b.Flush(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	return b.spans.GetSpans()
}

// unstable are attributes whose values differ between runs.
var unstable = map[attribute.Key]bool{"code.function.name": true, keyWorkload: true, keyNamespace: true, keyMemoryPeak: true}

// formatSpans is a span tree as text: parent before child, in order of start.
func formatSpans(spans tracetest.SpanStubs) string {
	var b strings.Builder
	ids := map[trace.SpanID]bool{}
	for _, s := range spans {
		ids[s.SpanContext.SpanID()] = true
	}
	var walk func(parent trace.SpanID, indent string)
	walk = func(parent trace.SpanID, indent string) {
		var kids tracetest.SpanStubs
		for _, s := range spans {
			p := s.Parent.SpanID()
			if p == parent || parent == (trace.SpanID{}) && !ids[p] {
				kids = append(kids, s)
			}
		}
		slices.SortStableFunc(kids, func(x, y tracetest.SpanStub) int { return x.StartTime.Compare(y.StartTime) })
		for _, s := range kids {
			fmt.Fprintf(&b, "%s%s [%s %s]", indent, s.Name, s.SpanKind, serviceOf(s))
			if s.Status.Code != codes.Unset {
				fmt.Fprintf(&b, " %s %q", s.Status.Code, s.Status.Description)
			}
			b.WriteByte('\n')
			slices.SortFunc(s.Attributes, func(x, y attribute.KeyValue) int { return cmp.Compare(x.Key, y.Key) })
			for _, a := range s.Attributes {
				if !unstable[a.Key] {
					fmt.Fprintf(&b, "%s  | %s=%s\n", indent, a.Key, a.Value.String())
				}
			}
			walk(s.SpanContext.SpanID(), indent+"  ")
		}
	}
	walk(trace.SpanID{}, "")
	return b.String()
}

func serviceOf(s tracetest.SpanStub) string {
	v, _ := s.Resource.Set().Value("service.name")
	return v.AsString()
}

func golden(t *testing.T, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(t.Name(), "/", "_")+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// collect gives the metrics by name.
func (b *harness) collect() map[string]metricdata.Metrics {
	b.t.Helper()
	var rm metricdata.ResourceMetrics
	if err := b.reader.Collect(context.Background(), &rm); err != nil {
		b.t.Fatal(err)
	}
	out := map[string]metricdata.Metrics{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if have, ok := out[m.Name]; ok && points(have) > points(m) {
				continue
			}
			out[m.Name] = m
		}
	}
	return out
}

func points(m metricdata.Metrics) int {
	switch d := m.Data.(type) {
	case metricdata.Histogram[float64]:
		return len(d.DataPoints)
	case metricdata.Histogram[int64]:
		return len(d.DataPoints)
	case metricdata.Sum[int64]:
		return len(d.DataPoints)
	}
	return 0
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
