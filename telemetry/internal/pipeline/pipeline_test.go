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

	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func logger(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// Which signals are on, from the environment alone.
func TestExporterNames(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want [3]string // traces, metrics, logs
	}{
		"nothing":      {nil, [3]string{"none", "none", "none"}},
		"endpoint":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"}, [3]string{"otlp", "otlp", "otlp"}},
		"own endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://h"}, [3]string{"none", "otlp", "none"}},
		"named":        {map[string]string{"OTEL_TRACES_EXPORTER": "console", "OTEL_LOGS_EXPORTER": " otlp "}, [3]string{"console", "none", "otlp"}},
		"blank":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "  ", "OTEL_TRACES_EXPORTER": " "}, [3]string{"none", "none", "none"}},
		"none":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none"}, [3]string{"none", "otlp", "otlp"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := environment{func(k string) string { return tc.env[k] }, logger(&bytes.Buffer{})}
			if got := [3]string{e.exporter(traces), e.exporter(metrics), e.exporter(logs)}; got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	var said bytes.Buffer
	at := func(v string) environment {
		said.Reset()
		return environment{func(string) string { return v }, logger(&said)}
	}
	for v, want := range map[string]bool{"": false, "true": true, "TRUE": true, " true ": true, "false": false, "1": false, "yes": false} {
		if got := at(v).truth("X"); got != want {
			t.Errorf("truth of %q is %t", v, got)
		}
		if warned := said.Len() > 0; warned != (v == "1" || v == "yes") {
			t.Errorf("%q: said %q", v, said.String())
		}
	}
	for v, want := range map[string]int{"": 7, "3": 3, "0": 7, "-1": 7, "x": 7} {
		if got := at(v).count("X", 7); got != want {
			t.Errorf("count of %q is %d", v, got)
		}
	}
	for v, want := range map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "ERROR": slog.LevelError, "none": slog.LevelError + 4, "loud": slog.LevelInfo} {
		if got := at(v).level(); got != want {
			t.Errorf("level of %q is %s", v, got)
		}
	}
	for _, tc := range []struct {
		s    signal
		v    string
		want string
	}{
		{traces, "grpc", "grpc"}, {traces, "http/json", "http/json"}, {logs, "http/json", "http/protobuf"}, {metrics, "", "http/protobuf"}, {logs, "x", "http/protobuf"},
	} {
		if got := at(tc.v).protocol(tc.s); got != tc.want {
			t.Errorf("protocol of %s from %q is %s", tc.s, tc.v, got)
		}
	}
}

// Losses are counted all. Those of a full queue are said the first time and then once a minute at most, an outage once, its end
// once, and at the end of the process all that was not told.
func TestLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		l := &losses{signal: traces, log: logger(&said), to: "OTEL_EXPORTER_OTLP_ENDPOINT=http://h"}
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
		l.arrived()
		l.arrived()
		want("its end", "arrives dropped=400")
		time.Sleep(2 * sayEvery)
		for range 20 { // a collector that takes each second batch
			l.count(ReasonExport, 1, errors.New("refused"))
			l.arrived()
			time.Sleep(time.Second)
		}
		want("back and forth", "reason=export_failed dropped=1", "arrives dropped=0")
		time.Sleep(2 * sayEvery)
		l.count(ReasonQueueBytes, 1, nil)
		want("a queue that is full of bytes", "reason=queue_bytes dropped=20")
		l.count(ReasonShutdown, 2, nil)
		want("the end", "reason=shutdown dropped=2")
		total := int64(0)
		for _, d := range l.list() {
			total += d.Count
		}
		if total != 100+5+400+20+1+2 {
			t.Errorf("counted %d", total)
		}
	})
}

// What a receiver says that it refused of a batch is lost, and the rest is not.
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
		l.ended(10, tc.err)
		if l.refused.Load() != tc.refused || l.failed.Load() != tc.failed {
			t.Errorf("%s: %d refused, %d failed", name, l.refused.Load(), l.failed.Load())
		}
	}
}

func TestRepeats(t *testing.T) {
	var r repeats
	if !r.news("a") || r.news("a") || !r.news("b") {
		t.Error("a text is news once")
	}
	for i := range 2 * maxRepeats {
		r.news(strings.Repeat("x", i+3))
	}
	if len(r.said) > maxRepeats {
		t.Errorf("%d texts are kept", len(r.said))
	}
}

// slow is an exporter that waits until its context ends.
type slow struct{ started chan struct{} }

func (s slow) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	close(s.started)
	<-ctx.Done()
	return ctx.Err()
}
func (slow) Shutdown(context.Context) error { return nil }

// The end of Shutdown's time ends an export that is under way; what it held is counted once.
func TestShutdownEndsExports(t *testing.T) {
	var said bytes.Buffer
	exp := slow{make(chan struct{})}
	p, err := New(t.Context(), Config{Getenv: func(string) string { return "" }, Logger: logger(&said), SpanExporter: exp})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Spans(mend.Resource{}).Tracer("t").Start(context.Background(), "x")
	span.End()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-exp.started
		cancel()
	}()
	_ = p.Shutdown(ctx)
	total := int64(0)
	for _, d := range p.Drops() {
		total += d.Count
	}
	if total != 1 {
		t.Errorf("%v", p.Drops())
	}
}

// stuck is an exporter of metrics that holds its turn.
type stuck struct {
	sdkmetric.Exporter
	free chan struct{}
}

func (s stuck) Export(context.Context, *metricdata.ResourceMetrics) error { <-s.free; return nil }

// Behind an exporter that is stuck, others give up in their own time.
func TestSharedMetrics(t *testing.T) {
	var said bytes.Buffer
	l := &losses{signal: metrics, log: logger(&said)}
	exp := stuck{free: make(chan struct{})}
	s := newSharedMetrics(exp, l, newStopper())
	rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "x"}}}}}
	first := make(chan error)
	go func() { first <- s.Export(context.Background(), rm) }()
	for len(s.turn) == 0 {
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
