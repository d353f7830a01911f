package pipeline

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// heldExporter is an exporter that does not answer until it may.
type heldExporter struct {
	*tracetest.InMemoryExporter
	may chan struct{}
}

func (h *heldExporter) ExportSpans(ctx context.Context, s []sdktrace.ReadOnlySpan) error {
	select {
	case <-h.may:
	case <-ctx.Done():
	}
	return h.InMemoryExporter.ExportSpans(ctx, s)
}

func (*heldExporter) Shutdown(context.Context) error { return nil }

// TestGuestsShareTheQueue: one guest fills a quarter of a queue at most, by number or by bytes, all guests a half; the rest is the
// host's. Sent spans free their share.
func TestGuestsShareTheQueue(t *testing.T) {
	for _, c := range []struct {
		name       string
		size       int // of the name of a span
		guests     int
		each, most int64 // that one guest, and all, get in at the most
	}{
		{"one, by number", 10, 1, 64, 64},
		{"many, by number", 10, 4, 64, 128},
		{"one, by bytes", 30_000, 1, (256 * bytesPerItem) / 4 / 30_000, (256 * bytesPerItem) / 4 / 30_000},
		{"many, by bytes", 30_000, 4, (256 * bytesPerItem) / 4 / 30_000, (256 * bytesPerItem) / 2 / 30_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			exp := &heldExporter{tracetest.NewInMemoryExporter(), make(chan struct{})}
			p, err := New(t.Context(), Config{
				Env: env.Env{Log: slog.New(slog.DiscardHandler), Getenv: func(k string) string {
					return map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "256"}[k]
				}},
				Consumers: []export.Consumer{{Spans: exp}},
			})
			if err != nil {
				t.Fatal(err)
			}
			var guests []*span.Tracer
			for range c.guests {
				guests = append(guests, p.Spans(sanitize.Resource{}).Guest(instrumentation.Scope{Name: "sdk"}))
			}
			tell := func(name string) {
				for range 100 {
					for i, g := range guests {
						g.Record(&span.Recorded{
							Context: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i + 1)}, TraceFlags: trace.FlagsSampled}),
							Name:    name,
						})
					}
				}
			}
			host := p.Spans(sanitize.Resource{}).Of("host")
			tell("guest" + strings.Repeat("x", c.size))
			for range 100 {
				_, s := host.Start(t.Context(), "host")
				s.End()
			}
			close(exp.may)
			flush := func() (of map[byte]int64, all, hosts int64) {
				t.Helper()
				if err := p.sink().Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				of = map[byte]int64{}
				for _, s := range exp.GetSpans() {
					if s.Name == "host" {
						hosts++
						continue
					}
					all++
					of[s.SpanContext.SpanID()[0]]++
				}
				exp.Reset()
				return of, all, hosts
			}
			of, all, hosts := flush()
			if hosts != 100 {
				t.Errorf("%d of 100 spans of the host", hosts)
			}
			for g, n := range of {
				if n > c.each {
					t.Errorf("guest %d has %d, want at most %d", g, n, c.each)
				}
			}
			if all > c.most || all < c.most*9/10 {
				t.Errorf("guests have %d, want %d", all, c.most)
			}
			dropped := int64(0)
			for _, d := range p.Drops() {
				if d.Reason == ReasonGuestShare {
					dropped += d.Count
				}
			}
			if dropped != int64(100*c.guests)-all {
				t.Errorf("%d dropped, want %d", dropped, int64(100*c.guests)-all)
			}
			tell("again")
			if _, all, _ := flush(); all == 0 {
				t.Error("there is no room after all has been sent")
			}
			if len(p.queues[0].shares.each) != 0 || p.queues[0].shares.all != (share{}) {
				t.Errorf("shares that are left: %+v", p.queues[0].shares)
			}
			if err := p.Shutdown(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}
