package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// points of a metric as text, one a line: attributes, count or sum, and whether there is an exemplar.
func formatMetric(m metricdata.Metrics) []string {
	var out []string
	text := func(set attribute.Set) string {
		var kv []string
		for _, a := range set.ToSlice() {
			kv = append(kv, string(a.Key)+"="+a.Value.String())
		}
		return strings.Join(kv, " ")
	}
	switch d := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			out = append(out, fmt.Sprintf("%s: count %d, exemplars %t", text(p.Attributes), p.Count, len(p.Exemplars) > 0))
		}
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			out = append(out, fmt.Sprintf("%s: count %d sum %d", text(p.Attributes), p.Count, p.Sum))
		}
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			out = append(out, fmt.Sprintf("%s: %d", text(p.Attributes), p.Value))
		}
	}
	slices.Sort(out)
	return out
}

// The metrics of one call of each kind.
func TestMetrics(t *testing.T) {
	b := newHarness(t, nil)
	b.measureOneOfEach()
	var lines []string
	for name, m := range b.collect() {
		for _, l := range formatMetric(m) {
			lines = append(lines, name+"{"+m.Unit+"} "+l)
		}
	}
	slices.Sort(lines)
	golden(t, strings.Join(lines, "\n")+"\n")
	if strings.Contains(strings.Join(lines, "\n"), "123") || strings.Contains(strings.Join(lines, "\n"), "path") {
		t.Error("a path is in a metric")
	}
}

func (b *harness) measureOneOfEach() {
	serve := func(status int, f func(ctx context.Context) (cm.Val, error)) {
		b.serve(&request{r: get("/fetch/123?x=1"), route: "/fetch", status: status, in: 3, out: 5}, func(ctx context.Context) error {
			_, err := b.bind(handleEdge).cross(ctx, resourceArg(nil), f)
			return err
		})
	}
	serve(200, func(ctx context.Context) (cm.Val, error) {
		b.bind(clockEdge).cross(ctx, nil, nothing)
		b.bind(cartEdge).cross(ctx, nil, nothing)
		req := &outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example:81", Path: "/secret/path"}, http.Header{}}
		return b.bind(outEdge).cross(ctx, resourceArg(req), func(ctx context.Context) (cm.Val, error) {
			cm.CallFrom(ctx).Hold()(&http.Response{StatusCode: 503, ProtoMajor: 2}, nil)
			return cm.OKVal(cm.U32Val(0)), nil
		})
	})
	serve(500, func(context.Context) (cm.Val, error) { return cm.Val{}, &cm.Trap{Code: cm.TrapUnreachable} })
	_, end := cm.Begin(context.Background(), b.interceptor, &cm.Operation{Name: "compile", Component: "shop", Attrs: []cm.Attr{{Key: "cache.hit", Value: false}}})
	end(errors.New("x"))
	_, end = cm.Begin(context.Background(), b.interceptor, &cm.Operation{Name: "instantiate", Component: "shop", Attrs: []cm.Attr{{Key: "not_resettable", Value: "table-changed"}}})
	end(nil)

	b.interceptor.CountDropped(context.Background(), host.LogLine{Stream: "stdout", Limit: "outputLines"}, 7)
}

// A stream of odd requests makes a bounded number of time series.
func TestCardinality(t *testing.T) {
	b := newHarness(t, nil)
	e := b.bind(outEdge)
	for i := range 3 * maxAttributeSets {
		req := &outRequest{fmt.Sprintf("M%d", i), &url.URL{Scheme: "http", Host: fmt.Sprintf("h%d.example", i)}, http.Header{}}
		e.cross(context.Background(), resourceArg(req), func(context.Context) (cm.Val, error) { return cm.OKVal(cm.U32Val(0)), nil })
	}
	n := len(formatMetric(b.collect()["http.client.request.duration"]))
	if n > maxAttributeSets+10 {
		t.Errorf("%d time series", n)
	}
	h := b.bind(&cm.Boundary{Kind: cm.Event, Caller: "http", Callee: "shop"})
	for i := range 3 * maxAttributeSets {
		c := cm.NewCall(h.b, nil, context.Background())
		c.Subject = &request{r: httptest.NewRequest(fmt.Sprintf("M%d", i), fmt.Sprintf("/%d", i), nil), route: "/", status: 200}
		h.h.Enter(c)
		h.h.Exit(c, cm.End{})
	}
	if n := len(formatMetric(b.collect()["http.server.request.duration"])); n != 1 {
		t.Errorf("%d time series for one route and unknown methods", n)
	}
}

// Guest lines belong to the span in which they were written, and keep to the level.
func TestLog(t *testing.T) {
	for name, tc := range map[string]struct {
		level slog.Level
		line  host.LogLine
		want  string
	}{
		"stdout": {slog.LevelInfo, host.LogLine{Stream: "stdout", Severity: host.SeverityInfo, Text: "hi token=x"},
			"INFO INFO hi token=x log.iostream=stdout vitrine.component=cart"},
		"stderr cut": {slog.LevelInfo, host.LogLine{Stream: "stderr", Severity: host.SeverityError, Text: "long", Truncated: true},
			"ERROR ERROR long log.iostream=stderr vitrine.component=cart vitrine.log.truncated=true"},
		"wasi logging": {slog.LevelDebug, host.LogLine{Stream: "log", Severity: host.SeverityDebug, Context: "ctx", Text: "x"},
			"DEBUG DEBUG x vitrine.component=cart vitrine.log.context=ctx"},
		"of a limit": {slog.LevelInfo, host.LogLine{Stream: "limit", Severity: host.SeverityWarn, Text: "further lines are dropped", Limit: "outputLines"},
			"WARN WARN further lines are dropped vitrine.component=cart vitrine.limit=outputLines"},
		"below": {slog.LevelInfo, host.LogLine{Stream: "log", Severity: host.SeverityDebug, Text: "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHarness(t, nil)
			b.cfg.OTelLevel = tc.level
			cart := b.Component(b.spec, &b.spec.Components[1])
			ctx, span := b.host.tracer.Start(context.Background(), "x")
			cart.Log(ctx, tc.line)
			span.End()
			b.ended()
			var got []string
			for _, r := range b.logs.records {
				var attrs []string
				r.WalkAttributes(func(kv attribute.KeyValue) bool {
					attrs = append(attrs, string(kv.Key)+"="+kv.Value.String())
					return true
				})
				slices.Sort(attrs)
				got = append(got, r.Severity().String()+" "+r.SeverityText()+" "+r.Body().AsString()+" "+strings.Join(attrs, " "))
				if r.SpanID() != span.SpanContext().SpanID() || r.TraceID() != span.SpanContext().TraceID() {
					t.Error("the record is not in its span")
				}
				if name, _ := r.Resource().Set().Value("service.name"); name.AsString() != "cart" {
					t.Errorf("the record is of service %s", name.AsString())
				}
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The host's own records: level, redaction, groups.
func TestLogHandler(t *testing.T) {
	b := newHarness(t, nil)
	b.cfg.OTelLevel = slog.LevelWarn
	log := slog.New(b.LogHandler()).With("password", "s3cr3t").WithGroup("g")
	log.Info("not this")
	log.Error("at https://u:s3cr3t@h/", "err", errors.New("token=s3cr3t"), "n", 3)
	b.ended()
	if len(b.logs.records) != 1 {
		t.Fatalf("%d records", len(b.logs.records))
	}
	r := b.logs.records[0]
	text := r.Body().AsString()
	r.WalkAttributes(func(kv attribute.KeyValue) bool { text += " " + kv.Value.String(); return true })
	if strings.Contains(text, "s3cr3t") || !strings.Contains(text, "3") {
		t.Errorf("exported %q", text)
	}
	if name, _ := r.Resource().Set().Value("service.name"); name.AsString() != hostService {
		t.Errorf("the record is of service %s", name.AsString())
	}
}

// The level of detail can change while a component runs.
func TestSetDetail(t *testing.T) {
	b := newHarness(t, nil)
	e := b.bind(clockEdge)
	e.cross(context.Background(), nil, nothing)
	if !SetDetail(b.interceptor, "all") || SetDetail(b.interceptor, "everything") {
		t.Error("which levels there are")
	}
	e.cross(context.Background(), nil, nothing)
	if n := len(b.ended()); n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
}

// The table of conventions is by package, interface and function; a call without an entry is a span.
func TestConventions(t *testing.T) {
	for name, tc := range map[string]struct {
		iface, fn string
		want      Detail
	}{
		"streams":         {"wasi:io/streams@0.2.3", "[method]input-stream.read", DetailAll},
		"fields":          {"wasi:http/types@0.2.12", "[method]fields.get", DetailAll},
		"outgoing":        {"wasi:http/outgoing-handler@0.2.0", "handle", DetailBoundary},
		"unknown of http": {"wasi:http/proxy@0.9.0", "x", DetailBoundary},
		"unknown":         {"acme:db/query@0.1.0", "run", DetailBoundary},
		"unknown drop":    {"acme:db/query@0.1.0", "[resource-drop]row", DetailAll},
		"root":            {"log", "log", DetailBoundary},
	} {
		t.Run(name, func(t *testing.T) {
			b := *customEdge
			b.Interface, b.Func = wit.MustParseID(tc.iface), tc.fn
			if got := conventionOf(&b); got.detail != tc.want {
				t.Errorf("level %d, want %d", got.detail, tc.want)
			}
		})
	}
}

// Providers live until their last release, and none are made after Shutdown.
func TestOperations(t *testing.T) {
	b := newHarness(t, nil)
	n, first := len(b.sets), b.interceptor.(*interceptor).own
	again := b.Component(b.spec, &b.spec.Components[0])
	if len(b.sets) != n {
		t.Error("one service has two sets of providers")
	}
	b.interceptor.Release()
	b.interceptor.Release()
	if len(b.sets) != n {
		t.Error("the providers of a component that runs are gone")
	}
	again.Release()
	if err := b.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if len(b.sets) != 1 || len(b.ending) != 0 {
		t.Errorf("after the release there are %d sets, and %d are ending", len(b.sets), len(b.ending))
	}
	b.interceptor = b.Component(b.spec, &b.spec.Components[0])
	if len(b.sets) != n || b.interceptor.(*interceptor).own == first {
		t.Error("a component that is started anew has what it had")
	}
	for range 2 {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	b.bind(handleEdge).cross(context.Background(), resourceArg(nil), nothing)
	b.interceptor.Log(context.Background(), host.LogLine{Text: "late"})
}

// Shutdown ends every goroutine that New and Component started.
func TestShutdownLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newHarness(t, func(c *Config, _ *workload.Spec) { c.TraceTree = io.Discard })
	b.bind(handleEdge).cross(context.Background(), resourceArg(nil), nothing)
	if runtime.NumGoroutine() == before {
		t.Error("nothing to end")
	}
	if err := b.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond) // a goroutine that has signalled its end may still exist
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// Making an instance before an event is no trace of its own, unless the level of detail is all.
func TestInstantiateBeforeEvents(t *testing.T) {
	for detail, want := range map[string]int{"boundary": 1, "all": 2} {
		b := newHarness(t, func(_ *Config, w *workload.Spec) { w.Components[0].Detail = detail })
		_, end := cm.Begin(context.Background(), b.interceptor, instantiate)
		end(nil)
		ctx, done := cm.Begin(context.Background(), b.interceptor, &cm.Operation{Name: "workload start"})
		_, end = cm.Begin(ctx, b.interceptor, instantiate)
		end(nil)
		done(nil)
		if n := len(b.ended()) - 1; n != want {
			t.Errorf("detail %s: %d spans of instances, want %d", detail, n, want)
		}
	}
}
