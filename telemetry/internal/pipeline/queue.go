package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// sender sends batches of spans. send is not called concurrently, and must not keep the batch.
type sender interface {
	send(ctx context.Context, b *batch) error
	shutdown(ctx context.Context) error
}

// batch is encoded spans by source.
type batch struct {
	sections map[*span.Source]*section
	spans    int
	bytes    int // of encoded spans
}

// maxBatch is the size in bytes at which a batch is sent, however few spans it has: half of gRPC's default limit of a message.
const maxBatch = 2 << 20

// section is the spans of one source, each with tag and length as field "spans" of message ScopeSpans.
type section struct {
	b     []byte
	spans int
	bytes int // of encoded spans
}

// keepSection is the size up to which a section's memory is reused, keepBatches how many batches are kept for reuse.
const (
	keepSection = 4 << 20
	keepBatches = 2
)

// reset empties a batch. It removes sources without spans.
func (b *batch) reset() {
	for src, s := range b.sections {
		if s.spans == 0 || cap(s.b) > keepSection {
			delete(b.sections, src)
			continue
		}
		s.b, s.spans, s.bytes = s.b[:0], 0, 0
	}
	b.spans, b.bytes = 0, 0
}

// limits bound a queue, as OTEL_BSP_* sets them.
type limits struct {
	queue, batch   int
	delay, timeout time.Duration // no timeout: zero
}

// spanQueue collects spans in batches and sends one batch after the other. It is a sink that all providers share. Taking a span
// copies it under a lock, which is never held longer than that.
type spanQueue struct {
	sender   sender
	limits   limits
	inflight *inflight
	shares   *guestShares
	stop     *stopper

	mu          sync.Mutex
	current     *batch
	full        []*batch // waiting to be sent, in order
	free        []*batch
	closed      bool
	batchesCut  int           // batches that were completed
	batchesDone int           // batches that were sent or lost
	doneChanged chan struct{} // closed when done changes

	wake    chan struct{}
	closing chan struct{}
	stopped chan struct{}
}

func newSpanQueue(to sender, l limits, lost *losses, stop *stopper) *spanQueue {
	g := newInflight(l.queue, lost)
	q := &spanQueue{
		sender: to, limits: l, inflight: g, shares: newGuestShares(g), stop: stop,
		current: newBatch(), doneChanged: make(chan struct{}),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	go q.run()
	return q
}

var _ span.Sink = (*spanQueue)(nil)

func newBatch() *batch { return &batch{sections: map[*span.Source]*section{}} }

// Take queues a span or drops it.
func (q *spanQueue) Take(from *span.Source, encoded []byte) {
	if !q.enter(from, len(encoded)) {
		return
	}
	q.mu.Lock()
	if q.closed { // abandon counts the span
		q.mu.Unlock()
		return
	}
	if q.current.bytes+len(encoded) > maxBatch {
		q.cutBatch()
	}
	s := q.current.sections[from]
	if s == nil {
		s = &section{}
		q.current.sections[from] = s
	}
	s.b = span.AppendTo(s.b, encoded)
	s.spans++
	s.bytes += len(encoded)
	q.current.spans++
	q.current.bytes += len(encoded)
	if q.current.spans >= q.limits.batch || q.current.bytes >= maxBatch {
		q.cutBatch()
	}
	ready := len(q.full) > 0
	q.mu.Unlock()
	if ready {
		q.wakeSender()
	}
}

// enter says whether a span of a size fits, and counts it in or as dropped.
func (q *spanQueue) enter(from *span.Source, size int) bool {
	guest := from.Guest()
	if guest != nil && !q.shares.enter(guest, size) {
		q.inflight.losses.count(ReasonGuestShare, 1, nil)
		return false
	}
	ok := q.inflight.enter(size)
	if !ok && guest != nil {
		q.shares.leave(guest, 1, size)
	}
	return ok
}

// cutBatch completes the current batch, unless it is empty. q.mu is held.
func (q *spanQueue) cutBatch() {
	if q.current.spans == 0 {
		return
	}
	q.full = append(q.full, q.current)
	q.batchesCut++
	if n := len(q.free); n > 0 {
		q.current, q.free = q.free[n-1], q.free[:n-1]
	} else {
		q.current = newBatch()
	}
}

func (q *spanQueue) wakeSender() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine that sends.
func (q *spanQueue) run() {
	defer close(q.stopped)
	timer := time.NewTimer(q.limits.delay)
	defer timer.Stop()
	for closing := false; !closing; {
		select {
		case <-q.wake:
		case <-timer.C:
			q.cutCurrent()
		case <-q.closing:
			q.cutCurrent()
			closing = true
		}
		for b := q.next(); b != nil; b = q.next() {
			q.export(b)
		}
		timer.Reset(q.limits.delay)
	}
}

// cutCurrent completes the current batch, full or not, and returns how many there were.
func (q *spanQueue) cutCurrent() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cutBatch()
	return q.batchesCut
}

func (q *spanQueue) next() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.full) == 0 {
		return nil
	}
	b := q.full[0]
	q.full = append(q.full[:0], q.full[1:]...)
	return b
}

var errTimeout = errors.New("the time that OTEL_BSP_EXPORT_TIMEOUT allows is over")

func (q *spanQueue) export(b *batch) {
	ctx, release := q.stop.derive(context.Background())
	defer release()
	if q.limits.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, q.limits.timeout, errTimeout)
		defer cancel()
	}
	err := q.sender.send(ctx, b)
	if err != nil {
		err = fmt.Errorf("export spans: %w", err)
	}
	q.inflight.leave(b.spans, b.bytes, err)
	for src, sec := range b.sections {
		if guest := src.Guest(); guest != nil && sec.spans > 0 {
			q.shares.leave(guest, sec.spans, sec.bytes)
		}
	}
	b.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.free) < keepBatches {
		q.free = append(q.free, b)
	}
	q.batchesDone++
	close(q.doneChanged)
	q.doneChanged = make(chan struct{})
}

// Flush waits until all spans that were taken before are sent.
func (q *spanQueue) Flush(ctx context.Context) error {
	number := q.cutCurrent()
	q.wakeSender()
	for {
		q.mu.Lock()
		done, step := q.batchesDone, q.doneChanged
		q.mu.Unlock()
		if done >= number {
			return nil
		}
		select {
		case <-step:
		case <-q.stopped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close sends the queue and ends the sender. The rest is lost when ctx ends.
func (q *spanQueue) close(ctx context.Context) error {
	defer q.inflight.abandon()
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	close(q.closing)
	end := make(chan error, 1)
	go func() {
		<-q.stopped
		end <- q.sender.shutdown(ctx)
	}()
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
