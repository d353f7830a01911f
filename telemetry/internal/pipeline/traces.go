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

// otlpSender sends encoded spans by a client of the SDK's, which handles endpoint, headers, certificates, compression and retries.
type otlpSender struct {
	client    otlptrace.Client
	envelopes map[*span.Source]*tracepb.ResourceSpans
	out       []*tracepb.ResourceSpans
}

func newOTLPSender(ctx context.Context, c otlptrace.Client) (sender, error) {
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	return &otlpSender{client: c, envelopes: map[*span.Source]*tracepb.ResourceSpans{}}, nil
}

// send puts the encoded spans of each source into its message as unknown fields, which protobuf writes unchanged: on the wire they
// are the field "spans".
func (s *otlpSender) send(ctx context.Context, b *batch) error {
	s.out = s.out[:0]
	for src, sec := range b.sections {
		if sec.spans == 0 {
			continue
		}
		head, err := s.envelope(ctx, src)
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
	maps.DeleteFunc(s.envelopes, func(src *span.Source, _ *tracepb.ResourceSpans) bool { return src.Ended() })
	return err
}

func (s *otlpSender) shutdown(ctx context.Context) error { return s.client.Stop(ctx) }

// envelope is the message around the spans of a source: resource and scope. The SDK's exporter makes it from one span.
func (s *otlpSender) envelope(ctx context.Context, src *span.Source) (*tracepb.ResourceSpans, error) {
	if h := s.envelopes[src]; h != nil {
		return h, nil
	}
	one, err := span.Decode(src, nil)
	if err != nil {
		return nil, err
	}
	var got captureClient
	if err := otlptrace.NewUnstarted(&got).ExportSpans(context.WithoutCancel(ctx), []sdktrace.ReadOnlySpan{one}); err != nil {
		return nil, err
	}
	if len(got.spans) != 1 || len(got.spans[0].ScopeSpans) != 1 {
		return nil, errors.New("no message for a resource")
	}
	got.spans[0].ScopeSpans[0].Spans = nil
	s.envelopes[src] = got.spans[0]
	return got.spans[0], nil
}

// captureClient is a client that keeps the messages it gets.
type captureClient struct {
	otlptrace.Client
	spans []*tracepb.ResourceSpans
}

// UploadTraces keeps messages.
func (c *captureClient) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	c.spans = spans
	return nil
}

// exporterSender sends decoded spans by an exporter.
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

// samplerOf makes the sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name; parentBased says that it never samples below
// a parent that is not sampled.
func samplerOf(e env.Env) (s sdktrace.Sampler, parentBased bool) {
	name := e.Text("OTEL_TRACES_SAMPLER")
	kind, parentBased := strings.CutPrefix(strings.ToLower(name), "parentbased_")
	switch kind {
	case "always_on":
		s = sdktrace.AlwaysSample()
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(e.Ratio("OTEL_TRACES_SAMPLER_ARG"))
	default:
		if name != "" {
			e.WarnIgnored("OTEL_TRACES_SAMPLER", name, "want always_on, always_off, traceidratio, or one of them with parentbased_ before it")
		}
		s, parentBased = sdktrace.AlwaysSample(), true
	}
	if parentBased {
		s = sdktrace.ParentBased(s)
	}
	return s, parentBased
}
