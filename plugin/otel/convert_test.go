package otel

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// TestIdentifiers: hexadecimal digits of either case, with or without leading zeros, are an identifier; other text is none.
func TestIdentifiers(t *testing.T) {
	for text, c := range map[string]struct {
		want string
		bad  int
	}{
		"": {"0000000000000000", 0}, "0": {"0000000000000000", 0}, "0000000000000000": {"0000000000000000", 0},
		"b7ad6b7169203331": {"b7ad6b7169203331", 0}, "B7AD6B7169203331": {"b7ad6b7169203331", 0}, "7ad6b7169203331": {"07ad6b7169203331", 0}, "a": {"000000000000000a", 0},
		"xyz": {"0000000000000000", 1}, "b7ad6b716920333g": {"0000000000000000", 1}, "0b7ad6b7169203331": {"0000000000000000", 1}, strings.Repeat("a", 1<<20): {"0000000000000000", 1},
		" b7ad6b716920333": {"0000000000000000", 1}, "0xad6b7169203331": {"0000000000000000", 1},
	} {
		conv := newConverter()
		if got := conv.spanID(text); got.String() != c.want || conv.badIDs != c.bad {
			t.Errorf("%.40q: got %s, %d bad, wanted %s, %d", text, got, conv.badIDs, c.want, c.bad)
		}
	}
	conv := newConverter()
	if got := conv.traceID("af7651916cd43dd8448eb211c80319c"); got.String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("got %s", got)
	}
}

// TestExemplarIdentifiers: they are digits, or bytes as some SDKs send them, and both or none.
func TestExemplarIdentifiers(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	const rawTrace, rawSpan = "\x01abcdefghijklmno", "\x02bcdefgh"
	zero := "00000000000000000000000000000000 0000000000000000"
	for _, c := range []struct {
		trace, span, want string
		bad               int
	}{
		{trace, span, trace + " " + span, 0}, {strings.ToUpper(trace), span, trace + " " + span, 0}, {"", "", zero, 0},
		{rawTrace, rawSpan, hex.EncodeToString([]byte(rawTrace)) + " " + hex.EncodeToString([]byte(rawSpan)), 0},
		{"no", span, zero, 1}, {rawTrace, span, zero, 1}, {trace, rawSpan, zero, 1},
	} {
		conv := newConverter()
		tid, sid := conv.exemplarIDs(c.trace, c.span)
		if got := tid.String() + " " + sid.String(); got != c.want || conv.badIDs != c.bad {
			t.Errorf("%q %q: got %s, %d bad, wanted %s, %d", c.trace, c.span, got, conv.badIDs, c.want, c.bad)
		}
	}
}

// recorder keeps what it is given.
type recorder struct {
	otel.Sink
	spans     []*otel.Span
	logs      []*otel.LogRecord
	metrics   []*otel.ResourceMetrics
	irregular map[otel.Irregularity]int
}

func newRecorder() *recorder {
	return &recorder{Sink: otel.Discard, irregular: map[otel.Irregularity]int{}}
}

func (r *recorder) EndSpan(_ context.Context, s *otel.Span)      { r.spans = append(r.spans, s) }
func (r *recorder) EmitLog(_ context.Context, l *otel.LogRecord) { r.logs = append(r.logs, l) }
func (r *recorder) ExportMetrics(_ context.Context, m *otel.ResourceMetrics) error {
	r.metrics = append(r.metrics, m)
	return nil
}
func (r *recorder) Irregular(_ context.Context, w otel.Irregularity, n int) { r.irregular[w] += n }

// TestSpanKinds: the WIT's order is not that of the records.
func TestSpanKinds(t *testing.T) {
	r := newRecorder()
	for k := bindings.SpanKindClient; k <= bindings.SpanKindInternal; k++ {
		if err := (tracing{r}).OnEnd(t.Context(), bindings.SpanData{SpanKind: k}); err != nil {
			t.Fatal(err)
		}
	}
	var got []otel.SpanKind
	for _, s := range r.spans {
		got = append(got, s.Kind)
	}
	if want := []otel.SpanKind{otel.KindClient, otel.KindServer, otel.KindProducer, otel.KindConsumer, otel.KindInternal}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, wanted %v", got, want)
	}
}

// TestNumbers: the kind of an instrument and that of its numbers are apart, and in different orders.
func TestNumbers(t *testing.T) {
	for n, want := range map[bindings.MetricNumber]otel.Number{
		bindings.MetricNumberF64(1.5): {Kind: otel.Float64, Float: 1.5}, bindings.MetricNumberS64(-3): {Kind: otel.Int64, Int: -3}, bindings.MetricNumberU64(7): {Kind: otel.Uint64, Uint: 7},
	} {
		if got := number(n); got != want {
			t.Errorf("got %v, wanted %v", got, want)
		}
	}
	c := newConverter()
	for d, want := range map[otel.NumberKind]otel.MetricData{
		otel.Float64: c.data(&bindings.MetricData{Tag: bindings.MetricDataTagF64Sum}),
		otel.Uint64:  c.data(&bindings.MetricData{Tag: bindings.MetricDataTagU64Sum}),
		otel.Int64:   c.data(&bindings.MetricData{Tag: bindings.MetricDataTagS64Sum}),
	} {
		if got := want.(*otel.Sum).Kind; got != d {
			t.Errorf("got %v, wanted %v", got, d)
		}
	}
}

// TestRefusedMetrics: a sink's error is the function's.
func TestRefusedMetrics(t *testing.T) {
	err := metrics{refusing{otel.Discard}}.Export(t.Context(), bindings.ResourceMetrics{})
	var fail *cm.ResultError[string]
	if !errors.As(err, &fail) || fail.Value != "no room" {
		t.Errorf("got %v", err)
	}
}

type refusing struct{ otel.Sink }

func (refusing) ExportMetrics(context.Context, *otel.ResourceMetrics) error {
	return errors.New("no room")
}

// The fuzz targets below make a record of any texts and numbers, and convert it.

func FuzzSpan(f *testing.F) {
	f.Add("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "", "name", "k", `[1,"x"]`, uint64(1), uint32(2), uint8(3), uint16(2))
	f.Add("xyz", "", "0", "\xff", "", `{`, uint64(18446744011573954816), uint32(1<<31), uint8(255), uint16(300))
	f.Fuzz(func(t *testing.T, trace, span, parent, name, key, value string, seconds uint64, nanos uint32, odd uint8, n uint16) {
		kvs := make([]bindings.KeyValue, n%512)
		for i := range kvs {
			kvs[i] = bindings.KeyValue{Key: key, Value: value}
		}
		at := clocksp2.Datetime{Seconds: seconds, Nanoseconds: nanos}
		sc := bindings.SpanContext{TraceID: trace, SpanID: span, TraceFlags: bindings.TraceFlags(odd), TraceState: []cm.Tuple2[string, string]{{F0: key, F1: value}}}
		r := newRecorder()
		err := tracing{r}.OnEnd(t.Context(), bindings.SpanData{
			SpanContext: sc, ParentSpanID: parent, SpanKind: bindings.SpanKind(odd % 5), Name: name, StartTime: at, EndTime: at, Attributes: kvs,
			Events: []bindings.Event{{Name: name, Time: at, Attributes: kvs}}, Links: []bindings.Link{{SpanContext: sc, Attributes: kvs}},
			Status: bindings.Status{Tag: bindings.StatusTag(odd % 3), Error: value}, InstrumentationScope: bindings.InstrumentationScope{Name: name, Attributes: kvs},
			DroppedAttributes: nanos,
		})
		if err != nil || len(r.spans) != 1 {
			t.Fatal(err, len(r.spans))
		}
		if s := r.spans[0]; len(s.Attributes) != len(kvs) || s.Size() < len(name) {
			t.Fatalf("%d attributes, %d bytes", len(s.Attributes), s.Size())
		}
	})
}

func FuzzLogRecord(f *testing.F) {
	f.Add("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "WARN", `"a full record"`, "k", `[1,"x"]`, uint64(1), uint32(2), uint8(13), uint16(0xffff))
	f.Add("", "0", "", "", "", "", uint64(0), uint32(0), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, trace, span, severity, body, key, value string, seconds uint64, nanos uint32, number uint8, has uint16) {
		in := bindings.LogRecord{}
		set := func(bit int, f func()) {
			if has&(1<<bit) != 0 {
				f()
			}
		}
		at := clocksp2.Datetime{Seconds: seconds, Nanoseconds: nanos}
		kvs := []bindings.KeyValue{{Key: key, Value: value}}
		flags := bindings.TraceFlags(number)
		set(0, func() { in.Timestamp = &at })
		set(1, func() { in.ObservedTimestamp = &at })
		set(2, func() { in.SeverityText = &severity })
		set(3, func() { in.SeverityNumber = &number })
		set(4, func() { in.Body = &body })
		set(5, func() { in.Attributes = &kvs })
		set(6, func() { in.EventName = &key })
		set(7, func() { in.Resource = &bindings.Resource{Attributes: kvs, SchemaURL: &value} })
		set(8, func() { in.InstrumentationScope = &bindings.InstrumentationScope{Name: key, Attributes: kvs} })
		set(9, func() { in.TraceID = &trace })
		set(10, func() { in.SpanID = &span })
		set(11, func() { in.TraceFlags = &flags })
		r := newRecorder()
		if err := (logs{r}).OnEmit(t.Context(), in); err != nil || len(r.logs) != 1 || r.logs[0].Size() <= 0 {
			t.Fatal(err, len(r.logs))
		}
	})
}

func FuzzMetrics(f *testing.F) {
	f.Add("name", "k", `1`, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", uint64(1), uint64(2), int64(-1), 1.5, uint8(0), uint8(3))
	f.Add("", "", `{`, "0123456789abcdeg", "01234567", uint64(1<<63), uint64(0), int64(0), math.NaN(), uint8(11), uint8(0))
	f.Fuzz(func(t *testing.T, name, key, value, trace, span string, seconds, u uint64, s int64, x float64, kind, n uint8) {
		at := clocksp2.Datetime{Seconds: seconds, Nanoseconds: uint32(u)}
		kvs := []bindings.KeyValue{{Key: key, Value: value}}
		num := [...]bindings.MetricNumber{bindings.MetricNumberF64(x), bindings.MetricNumberS64(s), bindings.MetricNumberU64(u)}[n%3]
		ex := []bindings.Exemplar{{FilteredAttributes: kvs, Time: at, Value: num, SpanID: span, TraceID: trace}}
		counts, bounds := make([]uint64, n), make([]float64, n/2)
		for i := range bounds {
			bounds[i] = x
		}
		d := bindings.MetricData{Tag: bindings.MetricDataTag(kind % 12)}
		temporality := bindings.Temporality(n % 3)
		gauge := bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Attributes: kvs, Value: num, Exemplars: ex}}, Time: at}
		sum := bindings.Sum{DataPoints: []bindings.SumDataPoint{{Attributes: kvs, Value: num, Exemplars: ex}}, StartTime: at, Temporality: temporality}
		hist := bindings.Histogram{DataPoints: []bindings.HistogramDataPoint{{Attributes: kvs, Count: u, Bounds: bounds, BucketCounts: counts, Min: &num, Sum: num, Exemplars: ex}}, Temporality: temporality}
		exp := bindings.ExponentialHistogram{DataPoints: []bindings.ExponentialHistogramDataPoint{{Attributes: kvs, Count: u, Sum: num, Scale: int8(n), PositiveBucket: bindings.ExponentialBucket{Offset: int32(s), Counts: counts}}}}
		d.F64Gauge, d.U64Gauge, d.S64Gauge = gauge, gauge, gauge
		d.F64Sum, d.U64Sum, d.S64Sum = sum, sum, sum
		d.F64Histogram, d.U64Histogram, d.S64Histogram = hist, hist, hist
		d.F64ExponentialHistogram, d.U64ExponentialHistogram, d.S64ExponentialHistogram = exp, exp, exp
		r := newRecorder()
		err := metrics{r}.Export(t.Context(), bindings.ResourceMetrics{ScopeMetrics: []bindings.ScopeMetrics{{Metrics: []bindings.Metric{{Name: name, Data: d}}}}})
		if err != nil || len(r.metrics) != 1 || r.metrics[0].Size() <= 0 {
			t.Fatal(err, len(r.metrics))
		}
	})
}
