package aggregate

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"

	"github.com/vitrine-wasm/vitrine/cm"
)

// MaxSeries bounds the series of a component, and those that are known of one instance.
const MaxSeries = 2000

// ErrSeries says that metrics are left out because of [MaxSeries].
var ErrSeries = errors.New("the component has more series of metrics than are kept")

// Writer has the last exported point of each cumulative series of one instance. Safe for concurrent use.
type Writer struct {
	mu     sync.Mutex
	last   map[seriesKey]*Point
	held   cm.Holding // in the instance's host memory
	closed bool
}

var _ io.Closer = (*Writer)(nil)

// streamKey identifies what one instrument has measured, as one metric of the output.
type streamKey struct {
	scope            instrumentation.Scope
	name, unit       string
	kind             Kind
	delta, monotonic bool
}

type seriesKey struct {
	streamKey
	attributes attribute.Distinct
}

func (m *Metric) key() streamKey {
	return streamKey{m.Scope, m.Name, m.Unit, m.Kind, m.Delta, m.Monotonic}
}

// Since replaces the points of a cumulative metric by their increments since the last export. A point stays as it is if it is the
// first of its series, if its start time differs from the last one's, or if a count is smaller: the guest's SDK has started again from zero.
// ctx is that of a host function. If there are too many series, or no host memory to know them, the rest of the points is left out.
func (w *Writer) Since(ctx context.Context, m *Metric) error {
	if m.Kind == Gauge || m.Delta {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range m.Points {
		p := m.Points[i]
		key := seriesKey{m.key(), p.Attributes.Equivalent()}
		old := w.last[key]
		if err := w.keep(ctx, key, old, p); err != nil {
			m.Points = m.Points[:i]
			return err
		}
		if old != nil && old.Start.Equal(p.Start) {
			m.Points[i] = p.since(old, m.Monotonic)
		}
	}
	return nil
}

// keep notes a point as the last of its series. w.mu is held.
func (w *Writer) keep(ctx context.Context, key seriesKey, old *Point, p Point) error {
	n := p.size()
	if old != nil {
		n -= old.size()
	} else if len(w.last) >= MaxSeries || w.closed {
		return ErrSeries
	}
	if w.held.Hold(ctx, w.held.Bytes()+n) != nil {
		return errors.New("the component's limit hostMemory leaves no room for these metrics")
	}
	if w.last == nil {
		w.last = map[seriesKey]*Point{}
	}
	p.Exemplars = nil
	w.last[key] = &p
	return nil
}

// since subtracts an earlier point.
func (p Point) since(old *Point, monotonic bool) Point {
	switch {
	case p.Buckets != nil && old.Buckets != nil:
		if d, ok := p.Buckets.since(old.Buckets); ok {
			p.Buckets = d
		}
	case p.Powers != nil && old.Powers != nil:
		if d, ok := p.Powers.since(old.Powers); ok {
			p.Powers = d
		}
	default:
		if d := p.Value.plus(old.Value.negative()); !monotonic || d.AsFloat() >= 0 {
			p.Value = d
		}
	}
	return p
}

// Close forgets all points: the instance has ended, or is reset.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.closed = nil, true
	w.held.Release()
	return nil
}

// clone copies what adding to a point changes.
func (p *Point) clone() *Point {
	c := *p
	if p.Buckets != nil {
		b := *p.Buckets
		b.Counts = slices.Clone(b.Counts)
		c.Buckets = &b
	}
	if p.Powers != nil {
		b := *p.Powers
		c.Powers = &b
	}
	return &c
}
