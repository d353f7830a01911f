package telemetry

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

var (
	_ otel.Importer  = (*interceptor)(nil)
	_ otel.Described = (*interceptor)(nil)
)

var (
	errNotAdmitted = fmt.Errorf("%w: a span has no identifiers, or those of a trace that the component takes no part in", otel.ErrInvalid)
	errSpansFull   = fmt.Errorf("%w: too many spans wait to be sent", otel.ErrBusy)
	errLogsFull    = fmt.Errorf("%w: too many log records wait to be sent", otel.ErrBusy)
)

// ImportSpan queues a span, unless the component has told of it before.
func (i *interceptor) ImportSpan(ctx context.Context, s *otel.Span) error {
	w := i.guestSource(ctx)
	if w.p.spans == nil {
		return nil
	}
	outer := w.outer(ctx)
	if !w.admit(ctx, &s.Context, outer) {
		return errNotAdmitted
	}
	if i.t.pipe.GuestSpansFull(w.p.spans.GuestKey()) {
		return errSpansFull
	}
	sc := w.contextOf(ctx, &s.Context)
	i.imports.Store(true)
	begun, repeated := guestSpan{}, false
	if stack := i.t.stack(ctx); stack != nil {
		begun, repeated = stack.end(sc)
	}
	switch {
	case repeated || i.toldTwice(sc):
		w.p.irregular(ctx, irregularRepeated, 1)
		return nil
	case begun.sc.IsValid() && !begun.sc.IsSampled():
		return nil
	case !begun.sc.IsValid() && !w.samples(sc, outer, s.Name):
		return nil
	}
	w.record(ctx, s, sc)
	return nil
}

// ImportLog queues a log record. One that names no span was made in an invocation of its instance, and belongs to the current span only if
// there is no other.
func (i *interceptor) ImportLog(ctx context.Context, r *otel.LogRecord) error {
	w := i.guestSource(ctx)
	if w.p.logs == nil {
		return nil
	}
	if i.t.pipe.LogsFull() {
		return errLogsFull
	}
	w.log(ctx, r, !w.shared)
	return nil
}

// ImportMetrics adds what an instance has measured to what its component has.
func (i *interceptor) ImportMetrics(ctx context.Context, m *otel.ResourceMetrics) (rejected int, err error) {
	if rejected, err = i.exportMetrics(ctx, m); err != nil {
		err = fmt.Errorf("%w: %w", otel.ErrInvalid, err)
	}
	return rejected, err
}

// Service names the component as its records are exported.
func (i *interceptor) Service() (out []otel.KeyValue) {
	if i.own.spans == nil && i.own.logs == nil && i.own.m == nil {
		return nil
	}
	for _, kv := range i.own.res.SDK().Attributes() {
		if strings.HasPrefix(string(kv.Key), "service.") {
			out = append(out, otel.KeyValue{Key: string(kv.Key), Value: kv.Value.AsString()})
		}
	}
	return out
}

// toldSpans remembers the spans that a component has recorded lately, several batches of an SDK, by their identifiers. A span is kept in one of
// toldSets sets, which is chosen by its identifier, until toldWays more have come into that set: of random identifiers some eight thousand are
// known, and a look-up compares a few. The zero value is ready; safe for concurrent use.
type toldSpans struct {
	mu   sync.Mutex
	sets []toldSet // nil before the first
}

type toldSet struct {
	tags  [toldWays]uint16 // of the spans, so that those that are not looked for are not read: a set is four cache lines
	next  uint8            // the oldest
	spans [toldWays]spanRef
}

const (
	toldSets = 2 << 10 // a power of two
	toldWays = 8
)

// add notes a span, and says whether it is known already.
func (t *toldSpans) add(r spanRef) (known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sets == nil {
		t.sets = make([]toldSet, toldSets)
	}
	// The product spreads identifiers that are counted, too.
	const odd = 0x9e3779b97f4a7c15
	h := (binary.LittleEndian.Uint64(r.span[:]) ^ binary.LittleEndian.Uint64(r.trace[8:])) * odd
	set, tag := &t.sets[h>>(64-bits.Len(toldSets-1))], uint16(h)
	for i := range set.tags {
		if set.tags[i] == tag && set.spans[i] == r {
			return true
		}
	}
	set.tags[set.next], set.spans[set.next] = tag, r
	set.next = (set.next + 1) % toldWays
	return false
}

// toldTwice says whether a span that has ended was told of before, by either way that a component may have: wasi:otel, and OTLP. Nothing
// is kept of a component that has one way only, and does not use the other.
func (i *interceptor) toldTwice(sc trace.SpanContext) bool {
	return (i.imports.Load() || i.bothWays()) && i.told.add(refOf(sc))
}

// bothWays says that the component imports wasi:otel and can send requests.
func (i *interceptor) bothWays() bool { return i.bound.Load() == boundBoth }

// What of a component's imports matters for that, as bits.
const (
	boundRecords = 1 << iota
	boundRequests
	boundBoth = boundRecords | boundRequests
)
