package pipeline

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// otlpSender hands encoded spans to a client of the SDK, which knows the environment: endpoint, headers, certificates,
// compression, retries.
type otlpSender struct {
	client otlptrace.Client
	heads  map[*span.Source]*tracepb.ResourceSpans
	out    []*tracepb.ResourceSpans
}

func newOTLPSender(ctx context.Context, c otlptrace.Client) (sender, error) {
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	return &otlpSender{client: c, heads: map[*span.Source]*tracepb.ResourceSpans{}}, nil
}

// send puts the spans of each source into its message as fields that protobuf does not know: it writes such fields as they
// are, and on the wire they are the "spans" that they were encoded as.
func (s *otlpSender) send(ctx context.Context, b *batch) error {
	s.out = s.out[:0]
	for src, sec := range b.sections {
		if sec.spans == 0 {
			continue
		}
		head, err := s.head(ctx, src)
		if err != nil {
			return err
		}
		head.ScopeSpans[0].ProtoReflect().SetUnknown(sec.b)
		s.out = append(s.out, head)
	}
	err := s.client.UploadTraces(ctx, s.out)
	for _, head := range s.out {
		head.ScopeSpans[0].ProtoReflect().SetUnknown(nil)
	}
	maps.DeleteFunc(s.heads, func(src *span.Source, _ *tracepb.ResourceSpans) bool { return src.Ended() })
	return err
}

func (s *otlpSender) shutdown(ctx context.Context) error { return s.client.Stop(ctx) }

// head is the message around the spans of a source: resource and scope. The SDK's exporter makes it of one span.
func (s *otlpSender) head(ctx context.Context, src *span.Source) (*tracepb.ResourceSpans, error) {
	if h := s.heads[src]; h != nil {
		return h, nil
	}
	one, err := span.Decode(src, nil)
	if err != nil {
		return nil, err
	}
	var got catcher
	if err := otlptrace.NewUnstarted(&got).ExportSpans(context.WithoutCancel(ctx), []sdktrace.ReadOnlySpan{one}); err != nil {
		return nil, err
	}
	if len(got.spans) != 1 || len(got.spans[0].ScopeSpans) != 1 {
		return nil, errors.New("no message for a resource")
	}
	got.spans[0].ScopeSpans[0].Spans = nil
	s.heads[src] = got.spans[0]
	return got.spans[0], nil
}

// catcher is a client that keeps what it is to send.
type catcher struct {
	otlptrace.Client
	spans []*tracepb.ResourceSpans
}

// UploadTraces keeps messages.
func (c *catcher) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	c.spans = spans
	return nil
}

// exporterSender hands spans to an exporter as the SDK would.
type exporterSender struct{ exporter sdktrace.SpanExporter }

func (s *exporterSender) send(ctx context.Context, b *batch) error {
	spans := make([]sdktrace.ReadOnlySpan, 0, b.spans)
	for src, sec := range b.sections {
		var err error
		if spans, err = span.Split(spans, src, sec.b); err != nil {
			return err
		}
	}
	return s.exporter.ExportSpans(ctx, spans)
}

func (s *exporterSender) shutdown(ctx context.Context) error { return s.exporter.Shutdown(ctx) }

// spanLimits reads OTEL_BSP_*.
func spanLimits(e env.Env) limits {
	l := limits{
		queue:   e.Count("OTEL_BSP_MAX_QUEUE_SIZE", defaultQueue),
		batch:   e.Count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", sdktrace.DefaultMaxExportBatchSize),
		delay:   e.Millis("OTEL_BSP_SCHEDULE_DELAY", sdktrace.DefaultScheduleDelay),
		timeout: e.Millis("OTEL_BSP_EXPORT_TIMEOUT", sdktrace.DefaultExportTimeout),
	}
	l.batch = min(l.batch, l.queue)
	l.delay = max(l.delay, time.Millisecond)
	return l
}

// samplerOf is what OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name, and whether it never samples below a parent that is
// not sampled.
func samplerOf(e env.Env) (s sdktrace.Sampler, followsParent bool) {
	name := e.Text("OTEL_TRACES_SAMPLER")
	kind, followsParent := strings.CutPrefix(strings.ToLower(name), "parentbased_")
	switch kind {
	case "always_on":
		s = sdktrace.AlwaysSample()
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(e.Ratio("OTEL_TRACES_SAMPLER_ARG"))
	default:
		if name != "" {
			e.Bad("OTEL_TRACES_SAMPLER", name, "want always_on, always_off, traceidratio, or one of them with parentbased_ before it")
		}
		s, followsParent = sdktrace.AlwaysSample(), true
	}
	if followsParent {
		s = sdktrace.ParentBased(s)
	}
	return s, followsParent
}
