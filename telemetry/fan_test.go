package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// blockedExporter is a consumer of all signals whose exports block until unblock, or fail when their context ends.
type blockedExporter struct {
	mu   sync.Mutex
	free chan struct{}
	hit  chan struct{} // signalled when it blocks an export of spans
}

func newBlockedExporter() *blockedExporter {
	return &blockedExporter{free: make(chan struct{}), hit: make(chan struct{}, 100)}
}

// unblock ends blocked exports, and lets later ones pass until the next block.
func (b *blockedExporter) unblock() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.free)
}

func (b *blockedExporter) waitUntilBlocked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = make(chan struct{})
}

func (b *blockedExporter) wait(ctx context.Context) error {
	b.mu.Lock()
	free := b.free
	b.mu.Unlock()
	select {
	case <-free:
	case <-ctx.Done():
	}
	return errors.New("it was blocked")
}

func (b *blockedExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	b.hit <- struct{}{}
	return b.wait(ctx)
}
func (b *blockedExporter) Shutdown(context.Context) error   { return nil }
func (b *blockedExporter) ForceFlush(context.Context) error { return nil }

type blockedLogs struct{ *blockedExporter }

func (b blockedLogs) Export(ctx context.Context, _ []sdklog.Record) error { return b.wait(ctx) }

type blockedMetrics struct {
	*blockedExporter
	memoryMetrics
}

func (b *blockedMetrics) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	return b.wait(ctx)
}
func (b *blockedMetrics) Shutdown(context.Context) error   { return nil }
func (b *blockedMetrics) ForceFlush(context.Context) error { return nil }

// invocations returns the values of the counter of "shop"'s invocations that a collector received, in order.
func invocations(c *otlptest.Collector, want metricspb.AggregationTemporality) (values []int64, ok bool) {
	ok = true
	for _, rm := range c.Metrics() {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name == metricInvocations {
					values = append(values, m.GetSum().DataPoints[0].GetAsInt())
					ok = ok && m.GetSum().AggregationTemporality == want
				}
			}
		}
	}
	return values, ok
}

// secondCollector is an embedder's consumer that sends to c by other protocols and with other temporality.
func secondCollector(t *testing.T, c *otlptest.Collector) export.Consumer {
	t.Helper()
	m, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL(c.URL+"/v1/metrics"), otlpmetrichttp.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	if err != nil {
		t.Fatal(err)
	}
	l, err := otlploghttp.New(t.Context(), otlploghttp.WithEndpointURL(c.URL+"/v1/logs"))
	if err != nil {
		t.Fatal(err)
	}
	return export.Consumer{Destination: "second", SpanClient: otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(c.GRPC)), Metrics: m, Logs: l}
}

// All consumers get all signals: the environment's, the embedder's, a manual reader, the tree. Each gets right values in its own
// temporality, and one that is blocked delays no other, neither while running nor at shutdown.
func TestFanOut(t *testing.T) {
	first, second := otlptest.New(t), otlptest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", first.URL)
	to, err := autoconf.Read(t.Context(), autoconf.Options{Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	stuck := newBlockedExporter()
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	b := &harness{t: t, reader: reader, spec: &workload.Spec{Name: "w", Components: []workload.Component{{Name: "shop"}}}}
	var trees, said bytes.Buffer
	consumers := append([]export.Consumer{{Destination: "stuck", Spans: stuck, Logs: blockedLogs{stuck}, Metrics: &blockedMetrics{blockedExporter: stuck}}}, to.Consumers...)
	consumers = append(consumers, secondCollector(t, second), export.Consumer{MetricReader: reader})
	b.Telemetry, err = New(t.Context(), Config{Logger: slog.New(slog.NewTextHandler(&said, nil)), Consumers: consumers, TraceTree: &trees})
	if err != nil {
		t.Fatal(err)
	}
	b.interceptor = b.Component(b.spec, &b.spec.Components[0])
	e := b.bind(handleEdge)
	request := func() {
		_, _ = e.cross(context.Background(), resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
			b.interceptor.Log(ctx, host.LogLine{Component: "shop", Severity: host.SeverityInfo, Text: "hello"})
			return cm.Val{}, nil
		})
	}
	arrived := func(n int) bool {
		for _, c := range []*otlptest.Collector{first, second} {
			if got, _ := invocations(c, 0); len(c.Spans()) < n || len(c.Records()) < n || len(got) < n {
				return false
			}
		}
		return true
	}
	await := func(n int) {
		t.Helper()
		<-stuck.hit
		for end := time.Now().Add(30 * time.Second); !arrived(n); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("request %d has not arrived behind the consumer that is blocked: %d and %d spans", n, len(first.Spans()), len(second.Spans()))
			}
		}
	}
	for n := 1; n <= 2; n++ {
		request()
		flushed := make(chan struct{})
		go func() {
			_ = b.Flush(t.Context())
			close(flushed)
		}()
		await(n)
		select {
		case <-flushed:
			t.Fatal("Flush has ended although a consumer is blocked")
		default:
		}
		stuck.unblock()
		<-flushed
		stuck.waitUntilBlocked()
		if got := b.collect()[metricInvocations].Data.(metricdata.Sum[int64]).DataPoints[0].Value; got != 1 {
			t.Errorf("the embedder's reader saw %d invocations since the last time, want 1", got)
		}
	}
	if s := said.String(); !strings.Contains(s, "endpoint=stuck") || strings.Contains(s, "endpoint=second") {
		t.Errorf("said %s", s)
	}
	lost := func() map[string]int64 {
		lost := map[string]int64{}
		for _, d := range b.Dropped() {
			lost[d.Signal] += d.Count
		}
		return lost
	}
	if got := lost(); got["traces"] != 2 || got["logs"] != 2 || got["metrics"] == 0 {
		t.Errorf("lost %v, want what the blocked consumer did not take", got)
	}
	request() // the blocked consumer must not use up the others' time at shutdown
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- b.Shutdown(ctx) }()
	await(3)
	cancel() // may cancel another consumer's export, and count it as lost
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	for name, c := range map[string]*otlptest.Collector{"first": first, "second": second} {
		if len(c.Spans()) != 3 || len(c.Records()) != 3 {
			t.Errorf("%s: %d spans, %d records, want 3 each", name, len(c.Spans()), len(c.Records()))
		}
	}
	if got, ok := invocations(first, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE); !ok || !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("cumulative: %v", got)
	}
	if got, ok := invocations(second, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA); !ok || !slices.Equal(got, []int64{1, 1, 1}) {
		t.Errorf("delta: %v", got)
	}
	if n := strings.Count(trees.String(), "incoming-handler"); n < 3 {
		t.Errorf("%d of the spans are in trees:\n%s", n, trees.String())
	}
	if got := lost(); got["traces"] < 3 || got["logs"] < 3 {
		t.Errorf("lost %v, want what the blocked consumer did not take", got)
	}
}

// A full queue of one consumer drops for that consumer only.
func TestFullQueueOfOneConsumer(t *testing.T) {
	stuck := newBlockedExporter()
	b := newHarness(t, func(c *Config, _ *workload.Spec) {
		c.Getenv = vars(map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1", "OTEL_BSP_EXPORT_TIMEOUT": "0"})
		c.Consumers = append(c.Consumers, export.Consumer{Spans: stuck})
	})
	defer stuck.unblock()
	e := b.bind(handleEdge)
	const all = 40
	for n := range all {
		_, _ = e.cross(context.Background(), resourceArg(nil), nothing)
		for end := time.Now().Add(30 * time.Second); len(b.spans.GetSpans()) <= n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the consumer that is not blocked got %d spans of %d", len(b.spans.GetSpans()), n+1)
			}
		}
	}
	for _, d := range b.Dropped() {
		if d.Signal == "traces" && d.Reason == "queue_full" && d.Count != all-4 {
			t.Errorf("%d spans were dropped for a full queue, want %d", d.Count, all-4)
		}
	}
}
