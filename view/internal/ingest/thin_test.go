package ingest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	attr "go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// collector is an exporter that keeps what it gets.
type collector struct {
	sdkmetric.Exporter
	got []metricdata.ResourceMetrics
}

func (c *collector) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	c.got = append(c.got, *rm)
	return nil
}

// TestThinner: a point that has not changed is left out, is there once a minute all the same, and again before one that has changed.
func TestThinner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to collector
		thin := newThinner(&to)
		res := resource.NewSchemaless(attr.String("service.name", "shop"))
		export := func(sum, buckets int64) (sums []int64, counts []uint64) {
			t.Helper()
			to.got = nil
			set := attr.NewSet(attr.String("a", "b"))
			if err := thin.Export(t.Context(), &metricdata.ResourceMetrics{Resource: res, ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
				{Name: "sum", Data: metricdata.Sum[int64]{IsMonotonic: true, DataPoints: []metricdata.DataPoint[int64]{{Attributes: set, Value: sum, Time: time.Now()}}}},
				{Name: "histogram", Data: metricdata.Histogram[float64]{DataPoints: []metricdata.HistogramDataPoint[float64]{{Attributes: set, Count: uint64(buckets), BucketCounts: []uint64{uint64(buckets)}, Time: time.Now()}}}},
			}}}}); err != nil {
				t.Fatal(err)
			}
			for _, rm := range to.got {
				for _, m := range rm.ScopeMetrics[0].Metrics {
					switch d := m.Data.(type) {
					case metricdata.Sum[int64]:
						for _, p := range d.DataPoints {
							sums = append(sums, p.Value)
						}
					case metricdata.Histogram[float64]:
						for _, p := range d.DataPoints {
							counts = append(counts, p.BucketCounts[0])
						}
					}
				}
			}
			time.Sleep(Interval)
			return sums, counts
		}
		if sums, counts := export(1, 1); len(sums) != 1 || len(counts) != 1 {
			t.Errorf("the first collection: %v, %v", sums, counts)
		}
		if sums, counts := export(1, 1); len(sums) != 0 || len(counts) != 0 {
			t.Errorf("nothing has changed: %v, %v", sums, counts)
		}
		if sums, counts := export(1, 3); len(sums) != 0 || len(counts) != 2 || counts[0] != 1 || counts[1] != 3 {
			t.Errorf("the histogram has changed: %v, %v", sums, counts)
		}
		if sums, counts := export(2, 4); len(sums) != 2 || sums[0] != 1 || len(counts) != 1 || counts[0] != 4 {
			t.Errorf("both have changed: %v, %v", sums, counts)
		}
		n := 0
		for range int(Refresh / Interval) {
			sums, _ := export(2, 4)
			n += len(sums)
		}
		if n != 1 {
			t.Errorf("in a minute without a change there are %d points, want 1", n)
		}
		time.Sleep(10 * Refresh)
		export(2, 4)
		thin.Export(t.Context(), &metricdata.ResourceMetrics{Resource: res})
		time.Sleep(10 * Refresh)
		thin.Export(t.Context(), &metricdata.ResourceMetrics{Resource: res})
		if len(thin.known) != 0 {
			t.Errorf("%d series are known after their end", len(thin.known))
		}
	})
}
