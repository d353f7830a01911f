package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

func logger(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func noEnv(said *bytes.Buffer) env.Env {
	return env.Env{Getenv: func(string) string { return "" }, Log: logger(said)}
}

// All losses are counted. Those of a full queue are logged first at once and then at most once a minute, an outage at its begin and
// its end, and the rest at shutdown.
func TestLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		l := &losses{signal: traces, log: logger(&said), destination: "OTEL_EXPORTER_OTLP_ENDPOINT=http://h"}
		want := func(what string, lines ...string) {
			t.Helper()
			got := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
			if said.Len() == 0 {
				got = nil
			}
			said.Reset()
			if len(got) != len(lines) {
				t.Fatalf("%s: said %q, want %d lines", what, got, len(lines))
			}
			for i, parts := range lines {
				for _, part := range strings.Fields(parts) {
					if !strings.Contains(got[i], part) {
						t.Errorf("%s: said %q, want %q", what, got[i], part)
					}
				}
			}
		}
		for range 100 {
			l.count(ReasonQueueFull, 1, nil)
		}
		want("a full queue", "reason=queue_full dropped=1")
		l.count(ReasonExport, 5, errors.New("refused"))
		want("an outage", "reason=export_failed dropped=104 refused OTEL_EXPORTER_OTLP_ENDPOINT")
		for range 200 {
			time.Sleep(time.Second)
			l.count(ReasonExport, 1, errors.New("refused"))
			l.count(ReasonQueueFull, 1, nil)
		}
		want("an outage that goes on")
		l.exportSucceeded()
		l.exportSucceeded()
		want("its end", "arrives dropped=400")
		time.Sleep(2 * warnInterval)
		for range 20 { // a collector that takes each second batch
			l.count(ReasonExport, 1, errors.New("refused"))
			l.exportSucceeded()
			time.Sleep(time.Second)
		}
		want("back and forth", "reason=export_failed dropped=1", "arrives dropped=0")
		time.Sleep(2 * warnInterval)
		l.count(ReasonQueueBytes, 1, nil)
		want("a queue that is full of bytes", "reason=queue_bytes dropped=20")
		l.count(ReasonShutdown, 2, nil)
		want("the end", "reason=shutdown dropped=2")
		total := int64(0)
		for _, d := range (&Pipeline{losses: []*losses{l}}).Drops() {
			total += d.Count
		}
		if total != 100+5+400+20+1+2 {
			t.Errorf("counted %d", total)
		}
	})
}

// The part of a batch that a receiver rejects is counted as lost, and the rest is not.
func TestPartialSuccess(t *testing.T) {
	refuses := func(n int, kind string) error {
		return fmt.Errorf("export: %w", fmt.Errorf("OTLP partial success: too old (%d %s rejected)", n, kind))
	}
	for name, tc := range map[string]struct {
		err             error
		refused, failed int64
	}{
		"nothing":         {nil, 0, 0},
		"some spans":      {refuses(3, "spans"), 3, 0},
		"some points":     {refuses(2, "metric data points"), 2, 0},
		"some records":    {refuses(2, "logs"), 2, 0},
		"only a word":     {refuses(0, "spans"), 0, 0},
		"more than sent":  {refuses(99, "spans"), 10, 0},
		"joined":          {errors.Join(refuses(1, "spans"), refuses(2, "spans")), 3, 0},
		"and another":     {errors.Join(refuses(1, "spans"), errors.New("refused")), 0, 10},
		"something else":  {errors.New("refused"), 0, 10},
		"words in a body": {errors.New("400: OTLP partial success: x (3 spans rejected) and more"), 0, 10},
	} {
		var said bytes.Buffer
		l := &losses{signal: traces, log: logger(&said)}
		l.exportDone(10, tc.err)
		if l.refused.Load() != tc.refused || l.failed.Load() != tc.failed {
			t.Errorf("%s: %d refused, %d failed", name, l.refused.Load(), l.failed.Load())
		}
	}
}

// slowExporter is an exporter that waits until its context ends.
type slowExporter struct{ started chan struct{} }

func (s slowExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	close(s.started)
	<-ctx.Done()
	return ctx.Err()
}
func (slowExporter) Shutdown(context.Context) error { return nil }

// The end of Shutdown's time cancels a running export, whose items are counted once.
func TestShutdownEndsExports(t *testing.T) {
	var said bytes.Buffer
	exp := slowExporter{make(chan struct{})}
	p, err := New(t.Context(), Config{Env: noEnv(&said), Consumers: []export.Consumer{{Spans: exp}}})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Spans(sanitize.Resource{}).Tracer("t").Start(context.Background(), "x")
	span.End()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-exp.started
		cancel()
	}()
	_ = p.Shutdown(ctx, nil)
	total := int64(0)
	for _, d := range p.Drops() {
		total += d.Count
	}
	if total != 1 {
		t.Errorf("%v", p.Drops())
	}
}

// stuckExporter is an exporter of metrics that holds its turn.
type stuckExporter struct {
	sdkmetric.Exporter
	free chan struct{}
}

func (s stuckExporter) Export(context.Context, *metricdata.ResourceMetrics) error {
	<-s.free
	return nil
}

// While an exporter is stuck, waiting readers keep their own timeouts.
func TestSharedMetrics(t *testing.T) {
	var said bytes.Buffer
	l := &losses{signal: metrics, log: logger(&said)}
	exp := stuckExporter{free: make(chan struct{})}
	s := newSharedMetrics(exp, 0, l, newStopper())
	rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "x"}}}}}
	first := make(chan error)
	go func() { first <- s.Export(context.Background(), rm) }()
	for len(s.sem) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Export(ctx, rm); err != nil {
		t.Error(err)
	}
	if l.failed.Load() != 1 {
		t.Errorf("%d failures", l.failed.Load())
	}
	close(exp.free)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := s.Export(context.Background(), &metricdata.ResourceMetrics{}); err != nil {
		t.Error(err)
	}
}
