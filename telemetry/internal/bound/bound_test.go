package bound

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// exemplarTotals adds up collections.
type exemplarTotals struct {
	count, sum, added, level uint64
}

func (a *exemplarTotals) take(t *testing.T, all []metricdata.ScopeMetrics) {
	t.Helper()
	for _, sm := range all {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[int64]:
				if d.Temporality == metricdata.CumulativeTemporality {
					a.count, a.sum = 0, 0
				}
				for _, p := range d.DataPoints {
					var total uint64
					for _, n := range p.BucketCounts {
						total += n
					}
					if total != p.Count {
						t.Errorf("count %d, in the buckets %d", p.Count, total)
					}
					a.count += p.Count
					a.sum += uint64(p.Sum)
				}
			case metricdata.Sum[int64]:
				to := &a.added
				if !d.IsMonotonic {
					to = &a.level
				}
				if d.Temporality == metricdata.CumulativeTemporality {
					*to = 0
				}
				for _, p := range d.DataPoints {
					*to += uint64(p.Value)
				}
			}
		}
	}
}

// TestConcurrent measures on many goroutines during collections: each measurement is counted once.
func TestConcurrent(t *testing.T) {
	const workers, each, perSet = 8, 4000, 3
	for name, temporality := range map[string]sdkmetric.TemporalitySelector{
		"cumulative": sdkmetric.CumulativeTemporalitySelector, "delta": sdkmetric.DeltaTemporalitySelector,
	} {
		t.Run(name, func(t *testing.T) {
			p := NewProducer(Settings{Temporality: temporality, Exemplars: exemplar.TraceBasedFilter})
			p.shards = 4 // wherever this runs
			k := newInstrumentSet(t, p.Meter(nil, instrumentation.Scope{}))
			var got exemplarTotals
			done, collected := make(chan struct{}), make(chan struct{})
			collect := func() {
				all, err := p.Produce(context.Background())
				if err != nil {
					t.Error(err)
				}
				got.take(t, all)
			}
			go func() {
				defer close(collected)
				for {
					select {
					case <-done:
						return
					default:
						collect()
					}
				}
			}()
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					ctx := inSpan(true)
					for i := range each {
						set := attribute.Int("set", (w+i)%perSet)
						k.s.With(set).Record(ctx, int64(i))
						k.c.With(set).Add(ctx, 2)
						k.u.With(set).Add(ctx, 1)
						k.u.With(set).Add(ctx, -1)
					}
				})
			}
			wg.Wait()
			close(done)
			<-collected
			collect()
			want := exemplarTotals{count: workers * each, sum: workers * each * (each - 1) / 2, added: workers * each * 2}
			if got != want {
				t.Errorf("collected %+v, measured %+v", got, want)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	k := newInstrumentSet(t, NewProducer(Settings{Exemplars: exemplar.TraceBasedFilter}).Meter(nil, instrumentation.Scope{}))
	timer, sizer, adder := k.d.With(), k.s.With(), k.c.With()
	for _, sampled := range []bool{true, false} {
		ctx := inSpan(sampled)
		if n := testing.AllocsPerRun(100, func() { // one more run comes before, and takes the exemplars
			timer.Record(ctx, time.Millisecond)
			sizer.Record(ctx, 5)
			adder.Add(ctx, 1)
		}); n != 0 {
			t.Errorf("sampled %t: %v allocations", sampled, n)
		}
	}
}

// The SDK makes instruments of other aggregations, and all instruments without a producer.
func TestFallback(t *testing.T) {
	exponential := func(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		if kind == sdkmetric.InstrumentKindHistogram {
			return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
		}
		return sdkmetric.DefaultAggregationSelector(kind)
	}
	noExtremes := func(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		if kind == sdkmetric.InstrumentKindHistogram {
			return sdkmetric.AggregationExplicitBucketHistogram{Boundaries: durations, NoMinMax: true}
		}
		return nil
	}
	sums := func(sdkmetric.InstrumentKind) sdkmetric.Aggregation { return sdkmetric.AggregationSum{} }
	none := func(sdkmetric.InstrumentKind) sdkmetric.Aggregation { return sdkmetric.AggregationDrop{} }
	for name, tc := range map[string]struct {
		p    *Producer
		want string
	}{
		"ours":        {NewProducer(Settings{}), "sdk false false"},
		"exponential": {NewProducer(Settings{Aggregation: exponential}), "sdk true false"},
		"no extremes": {NewProducer(Settings{Aggregation: noExtremes}), "sdk true false"},
		"sums alone":  {NewProducer(Settings{Aggregation: sums}), "sdk true false"},
		"dropped":     {NewProducer(Settings{Aggregation: none}), "sdk true true"},
		"no producer": {nil, "sdk true true"},
	} {
		reader := sdkmetric.NewManualReader(sdkmetric.WithAggregationSelector(exponential))
		mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		k := newInstrumentSet(t, tc.p.Meter(mp.Meter("x"), instrumentation.Scope{Name: "x"}))
		k.d.With().Record(context.Background(), time.Second)
		k.c.With().Add(context.Background(), 1)
		var rm metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &rm); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				seen[m.Name] = true
			}
		}
		if got := fmt.Sprintf("sdk %t %t", seen["d"], seen["c"]); got != tc.want {
			t.Errorf("%s: %s, wanted %s", name, got, tc.want)
		}
	}
}

// The same name, set or scope returns the same instrument, handle or meter.
func TestSame(t *testing.T) {
	p := NewProducer(Settings{})
	for range 2 {
		k := newInstrumentSet(t, p.Meter(nil, instrumentation.Scope{Name: "x"}))
		k.c.With(attribute.Int("a", 1), attribute.Int("b", 2)).Add(context.Background(), 1)
		k.c.With(attribute.Int("b", 2), attribute.Int("a", 1)).Add(context.Background(), 1)
	}
	got, err := p.Produce(context.Background())
	if err != nil || len(got) != 1 || len(got[0].Metrics) != 1 {
		t.Fatalf("collected %v, %v", got, err)
	}
	if d := got[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints; len(d) != 1 || d[0].Value != 4 {
		t.Errorf("points %v", d)
	}
}

// Sums of durations stay right when nanoseconds overflow.
func TestLongSums(t *testing.T) {
	p := NewProducer(Settings{})
	d, err := p.Meter(nil, instrumentation.Scope{}).Durations("d", "", durations)
	if err != nil {
		t.Fatal(err)
	}
	var point metricdata.HistogramDataPoint[float64]
	for range 5 {
		d.With().Record(context.Background(), math.MaxInt64/2)
		got, err := p.Produce(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		point = got[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0]
	}
	if want := 2.5 * math.MaxInt64 / 1e9; math.Abs(point.Sum-want) > 1 {
		t.Errorf("sum %v, wanted %v", point.Sum, want)
	}
}

func TestShards(t *testing.T) {
	for procs, want := range map[int]int{1: 1, 2: 2, 3: 4, 8: 8, 64: maxShards} {
		if got := shardsFor(procs); got != want {
			t.Errorf("%d shards for %d cores, wanted %d", got, procs, want)
		}
	}
	used := make([]bool, 4)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			n := shard(len(used))
			mu.Lock()
			used[n] = true
			mu.Unlock()
		})
	}
	wg.Wait()
	for n, ok := range used {
		if !ok {
			t.Errorf("no goroutine of 200 measured in shard %d", n)
		}
	}
}

// failingExporter is an exporter of deltas whose second export goes wrong.
type failingExporter struct {
	exports int
	got     []string
}

func (*failingExporter) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

func (*failingExporter) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (f *failingExporter) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	if f.exports++; f.exports == 2 {
		return errors.New("gone")
	}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			f.got = append(f.got, fmt.Sprint(f.exports, sm.Scope.Name, m.Data.(metricdata.Sum[int64]).DataPoints[0].Value))
		}
	}
	return nil
}

func (*failingExporter) ForceFlush(context.Context) error { return nil }
func (*failingExporter) Shutdown(context.Context) error   { return nil }

// A delta whose export fails is lost, as with the SDK's instruments: the next one has later measurements only.
func TestFailedExport(t *testing.T) {
	exp := &failingExporter{}
	p := NewProducer(Settings{Temporality: exp.Temporality})
	reader := sdkmetric.NewPeriodicReader(exp, sdkmetric.WithProducer(p), sdkmetric.WithInterval(time.Hour))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer mp.Shutdown(context.Background())
	var none *Producer
	var adders []*Adder
	for _, m := range []*Meter{none.Meter(mp.Meter("sdk"), instrumentation.Scope{}), p.Meter(nil, instrumentation.Scope{Name: "own"})} {
		c, err := m.Counter("c", "", "")
		if err != nil {
			t.Fatal(err)
		}
		adders = append(adders, c.With())
	}
	for _, n := range []int64{1, 2, 4} {
		for _, a := range adders {
			a.Add(context.Background(), n)
		}
		if err := mp.ForceFlush(context.Background()); (err != nil) != (n == 2) {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(exp.got), "[1sdk1 1own1 3sdk4 3own4]"; got != want {
		t.Errorf("exported %s, wanted %s", got, want)
	}
}
