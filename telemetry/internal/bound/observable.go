package bound

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// observable is an observable up-down counter of our own. Unlike the SDK's, it can be removed.
type observable struct {
	*header
	limit int // of attribute sets

	mu    sync.Mutex
	reads []*func(Observe)
}

// add makes each collection call read, until stop is called.
func (o *observable) add(read func(Observe)) (stop func()) {
	at := &read
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads = append(o.reads, at)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.reads = slices.DeleteFunc(o.reads, func(r *func(Observe)) bool { return r == at })
	}
}

func (o *observable) collect(start, now time.Time) metricdata.Aggregation {
	o.mu.Lock()
	reads := slices.Clone(o.reads)
	o.mu.Unlock()
	out := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality}
	index := map[attribute.Distinct]int{}
	tell := func(value int64, attrs ...attribute.KeyValue) {
		set := setOf(attrs)
		if _, known := index[set.Equivalent()]; !known && len(index) >= o.limit-1 {
			set = overflow
		}
		i, known := index[set.Equivalent()]
		if !known {
			i = len(out.DataPoints)
			index[set.Equivalent()] = i
			out.DataPoints = append(out.DataPoints, metricdata.DataPoint[int64]{Attributes: set, StartTime: start, Time: now})
		}
		out.DataPoints[i].Value += value
	}
	for _, read := range reads {
		(*read)(tell)
	}
	if len(out.DataPoints) == 0 {
		return nil
	}
	return out
}
