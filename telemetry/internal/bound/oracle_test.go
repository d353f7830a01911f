package bound

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

var (
	durations = []float64{1e-6, 5e-6, 0.0001, 0.0025, 0.1, 1, 2.5}
	sizes     = []float64{0, 128, 1 << 10, 64 << 10}
)

// instrumentSet is one of each instrument.
type instrumentSet struct {
	d *Durations
	s *Sizes
	c *Counter
	u *Counter
}

func newInstrumentSet(t testing.TB, m *Meter) instrumentSet {
	t.Helper()
	var k instrumentSet
	var errs [4]error
	k.d, errs[0] = m.Durations("d", "durations", durations)
	k.s, errs[1] = m.Sizes("s", "By", "sizes", sizes)
	k.c, errs[2] = m.Counter("c", "{x}", "counts")
	k.u, errs[3] = m.UpDownCounter("u", "{y}", "ups and downs")
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// readerPair is the SDK's instruments and ours, for two readers that want the same.
type readerPair struct {
	sdk, own instrumentSet
	reader   *sdkmetric.ManualReader
	producer *Producer
}

func newReaderPair(t testing.TB, temporality sdkmetric.TemporalitySelector, filter exemplar.Filter, limit int) *readerPair {
	p := &readerPair{reader: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(temporality))}
	given := filter
	if filter == nil {
		given = exemplar.AlwaysOffFilter
	}
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(p.reader), sdkmetric.WithExemplarFilter(given), sdkmetric.WithCardinalityLimit(limit))
	var none *Producer
	p.producer = NewProducer(Settings{Temporality: temporality, Exemplars: filter, Limit: limit})
	p.sdk = newInstrumentSet(t, none.Meter(mp.Meter("scope"), instrumentation.Scope{}))
	p.own = newInstrumentSet(t, p.producer.Meter(nil, instrumentation.Scope{Name: "scope"}))
	return p
}

// collect collects from both, as text that ought to be the same: all but times, and which measurements became exemplars.
func (p *readerPair) collect(t *testing.T) (sdk, own []string) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := p.reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	got, err := p.producer.Produce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sdk, own = format(t, rm.ScopeMetrics), format(t, got)
	overwriteExemplars(got)
	return sdk, own
}

func format(t *testing.T, all []metricdata.ScopeMetrics) (out []string) {
	t.Helper()
	for _, sm := range all {
		for _, m := range sm.Metrics {
			head := fmt.Sprintf("%s %s %s %s ", sm.Scope.Name, m.Name, m.Unit, m.Description)
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					out = append(out, fmt.Sprintf("%s%v monotonic %t {%s} %d exemplars %t", head, d.Temporality, d.IsMonotonic,
						p.Attributes.Encoded(attribute.DefaultEncoder()), p.Value, len(p.Exemplars) > 0))
				}
			case metricdata.Histogram[float64]:
				out = append(out, points(t, head, d)...)
			case metricdata.Histogram[int64]:
				out = append(out, points(t, head, d)...)
			default:
				t.Errorf("%s is a %T", m.Name, d)
			}
		}
	}
	slices.Sort(out)
	return out
}

func points[N int64 | float64](t *testing.T, head string, d metricdata.Histogram[N]) (out []string) {
	t.Helper()
	for _, p := range d.DataPoints {
		var total uint64
		for _, n := range p.BucketCounts {
			total += n
		}
		if total != p.Count {
			t.Errorf("%s: count %d, in the buckets %d", head, p.Count, total)
		}
		low, lowKnown := p.Min.Value()
		high, highKnown := p.Max.Value()
		text := fmt.Sprintf("%s%v {%s} count %d sum %.9g min %v %t max %v %t bounds %v buckets %v exemplars in", head, d.Temporality,
			p.Attributes.Encoded(attribute.DefaultEncoder()), p.Count, float64(p.Sum), low, lowKnown, high, highKnown, p.Bounds, p.BucketCounts)
		for _, e := range p.Exemplars {
			text += fmt.Sprintf(" %d:%x/%x/%t", sort.SearchFloat64s(p.Bounds, float64(e.Value)), e.TraceID, e.SpanID, e.Time.IsZero())
		}
		out = append(out, text)
	}
	return out
}

// overwriteExemplars writes over what was collected, as readers do that use memory again.
func overwriteExemplars(all []metricdata.ScopeMetrics) {
	for _, sm := range all {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					clear(p.BucketCounts)
					clear(p.Bounds)
					clear(p.Exemplars)
				}
			case metricdata.Sum[int64]:
				clear(d.DataPoints)
			}
		}
		clear(sm.Metrics)
	}
}

// difference is the lines of a that are not in b.
func difference(a, b []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) }), "\n")
}

// TestOracle: collections of the SDK's instruments and of ours are equal for the same measurements.
func TestOracle(t *testing.T) {
	all := []context.Context{context.Background(), inSpan(true), inSpan(false)}
	for name, temporality := range map[string]sdkmetric.TemporalitySelector{
		"cumulative": sdkmetric.CumulativeTemporalitySelector, "delta": sdkmetric.DeltaTemporalitySelector,
		"low memory": sdkmetric.LowMemoryTemporalitySelector,
		"all delta":  func(sdkmetric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality },
	} {
		for filtered, filter := range map[string]exemplar.Filter{
			"trace_based": exemplar.TraceBasedFilter, "always_on": exemplar.AlwaysOnFilter, "always_off": nil,
		} {
			t.Run(name+"/"+filtered, func(t *testing.T) {
				p := newReaderPair(t, temporality, filter, DefaultLimit)
				spans := all
				if filtered == "always_on" { // which of them becomes an exemplar is chance
					spans = all[1:2]
				}
				rnd := rand.New(rand.NewPCG(1, 2))
				for round := range 12 {
					for range rnd.IntN(60) { // none at all, too
						ctx := spans[rnd.IntN(len(spans))]
						attrs := []attribute.KeyValue{attribute.Int("set", rnd.IntN(4)), attribute.String("round", fmt.Sprint(round/4))}
						d := time.Duration(math.Exp(rnd.Float64() * 23)) // to ten seconds
						if rnd.IntN(4) == 0 {
							d = time.Duration(durations[rnd.IntN(len(durations))] * 1e9).Round(time.Microsecond) // a bound itself
						}
						size, n, u := int64(math.Exp(rnd.Float64()*13))-1, rnd.Int64N(3), rnd.Int64N(5)-2
						what := rnd.IntN(4)
						for _, k := range []instrumentSet{p.sdk, p.own} {
							switch what {
							case 0:
								k.d.With(attrs...).Record(ctx, d)
							case 1:
								k.s.With(attrs...).Record(ctx, size)
							case 2:
								k.c.With(attrs...).Add(ctx, n)
							case 3:
								k.u.With(attrs...).Add(ctx, u)
							}
						}
					}
					want, got := p.collect(t)
					if !slices.Equal(got, want) {
						t.Fatalf("collection %d\ngot:\n%s\nwant:\n%s", round, difference(got, want), difference(want, got))
					}
				}
			})
		}
	}
}

// Beyond the limit of attribute sets, all go into one, as in the SDK.
func TestLimit(t *testing.T) {
	p := newReaderPair(t, sdkmetric.CumulativeTemporalitySelector, nil, 5)
	for i := range 9 {
		for _, k := range []instrumentSet{p.sdk, p.own} {
			for range i + 1 {
				k.d.With(attribute.Int("set", i)).Record(context.Background(), time.Second)
				k.c.With(attribute.Int("set", i)).Add(context.Background(), 1)
			}
		}
	}
	want, got := p.collect(t)
	if !slices.Equal(got, want) || len(got) != 10 {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each collection of deltas begins where the one before ended; those of sums all begin when the instrument was made.
func TestTimes(t *testing.T) {
	for _, temporality := range []metricdata.Temporality{metricdata.CumulativeTemporality, metricdata.DeltaTemporality} {
		p := NewProducer(Settings{Temporality: func(sdkmetric.InstrumentKind) metricdata.Temporality { return temporality }})
		begun := time.Now()
		c, err := p.Meter(nil, instrumentation.Scope{}).Counter("c", "", "")
		if err != nil {
			t.Fatal(err)
		}
		var before *metricdata.DataPoint[int64]
		for range 3 {
			c.With().Add(context.Background(), 1)
			got, err := p.Produce(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			point := got[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints[0]
			want := point.StartTime
			if before != nil {
				want = before.StartTime
				if temporality == metricdata.DeltaTemporality {
					want = before.Time
				}
			}
			if !point.StartTime.Equal(want) || point.StartTime.Before(begun) || point.Time.Before(point.StartTime) {
				t.Errorf("%v: from %v to %v, wanted from %v", temporality, point.StartTime, point.Time, want)
			}
			before = &point
		}
	}
}

// An exemplar is a measurement with the span in which it was made.
func TestExemplar(t *testing.T) {
	p := NewProducer(Settings{Exemplars: exemplar.TraceBasedFilter})
	d, err := p.Meter(nil, instrumentation.Scope{}).Durations("d", "", durations)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	d.With().Record(inSpan(false), 2*time.Millisecond)
	d.With().Record(inSpan(true), time.Millisecond)
	d.With().Record(inSpan(true), 3*time.Millisecond)
	got, err := p.Produce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	es := got[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0].Exemplars
	if len(es) != 2 || es[0].Value != 0.001 || es[1].Value != 0.003 || es[0].TraceID[0] != 1 || es[0].SpanID[0] != 2 || es[0].Time.Before(begun) {
		t.Errorf("exemplars %v", es)
	}
}

// A sampled request among many that are not becomes an exemplar; in a rare bucket at once.
func TestExemplarRefusals(t *testing.T) {
	p := NewProducer(Settings{Exemplars: exemplar.TraceBasedFilter})
	d, err := p.Meter(nil, instrumentation.Scope{}).Durations("d", "", durations)
	if err != nil {
		t.Fatal(err)
	}
	timer := d.With()
	for range 1000 {
		timer.Record(inSpan(false), time.Microsecond)
	}
	for range p.shards * maxRefusals {
		timer.Record(inSpan(true), time.Microsecond)
	}
	timer.Record(inSpan(false), time.Second)
	timer.Record(inSpan(true), time.Second)
	got, err := p.Produce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	es := got[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0].Exemplars
	if len(es) != 2 || es[0].Value != 1e-6 || es[1].Value != 1 {
		t.Errorf("exemplars %v", es)
	}
}
