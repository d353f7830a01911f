package otelchecks

import (
	"context"
	"encoding/binary"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/workload"
)

// nowhere is a collector that costs nothing.
type nowhere struct{}

func (nowhere) Start(context.Context) error                                  { return nil }
func (nowhere) Stop(context.Context) error                                   { return nil }
func (nowhere) UploadTraces(context.Context, []*tracepb.ResourceSpans) error { return nil }

var _ otlptrace.Client = nowhere{}

// newBenchRig is a rig whose spans are encoded, batched and thrown away. guest is telemetry.guest.
func newBenchRig(b *testing.B, guest string) *rig {
	return newRig(b, withEnv("OTEL_EXPORTER_OTLP_ENDPOINT", ""), func(c *rigConfig) {
		c.telemetry.Consumers = []export.Consumer{{SpanClient: nowhere{}}}
		l := workload.Limits{OutputLines: 1 << 40, OutputBytes: 1 << 50, OutputLinesPerSecond: 1 << 40, OutputBytesPerSecond: 1 << 50}
		c.components[0].Limits, c.components[0].GuestTelemetry = l, guest
	})
}

// spansImage starts and ends so many spans with three attributes.
func spansImage(n int) *image {
	s := spanOf(hostTrace, 1, 0)
	s.Attributes = []bindings.KeyValue{{Key: "item", Value: `"pear"`}, {Key: "count", Value: "3"}, {Key: "price", Value: "1.25"}}
	im := newImage()
	id := im.text(s.SpanContext.SpanID) // its first half is the number of the turn: a new identifier each time, as SDKs make them
	im.repeat(n, id, func() {
		im.start(s.SpanContext).setArg(2, id).end(s)
		binary.LittleEndian.PutUint32(im.mem[im.arg(0)+8:], id)
	})
	return im
}

// BenchmarkSpan is a guest's span with three attributes: its start and its end, from guest code to the batch. "off" is what the
// guest itself and the canonical ABI take of that.
func BenchmarkSpan(b *testing.B) {
	for _, guest := range []string{"on", "off"} {
		b.Run(guest, func(b *testing.B) {
			r := newBenchRig(b, guest)
			const batch = 1000
			im := spansImage(batch)
			b.ReportAllocs()
			from := cpuTime()
			for b.Loop() {
				r.play(im)
			}
			b.ReportMetric(float64(cpuTime()-from)/float64(b.N*batch), "cpu-ns/span")
		})
	}
}

// BenchmarkInvocation is an invocation whose guest makes ten spans, with the host's own spans around it, and one that makes none.
func BenchmarkInvocation(b *testing.B) {
	for _, c := range []struct {
		name, guest string
		spans       int
	}{{"10-spans", "on", 10}, {"10-spans-off", "off", 10}, {"none", "on", 0}} {
		b.Run(c.name, func(b *testing.B) {
			r := newBenchRig(b, c.guest)
			im := newImage()
			if c.spans > 0 {
				im = spansImage(c.spans)
			}
			from := cpuTime()
			for b.Loop() {
				r.play(im)
			}
			b.ReportMetric(float64(cpuTime()-from)/float64(b.N), "cpu-ns/op")
		})
	}
}
