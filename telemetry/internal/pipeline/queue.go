package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// sender sends batches of spans. Send is not called concurrently; the batch is the caller's again when it returns.
type sender interface {
	send(ctx context.Context, b *batch) error
	shutdown(ctx context.Context) error
}

// batch is encoded spans by where they come from.
type batch struct {
	sections map[*span.Source]*section
	spans    int
	bytes    int // of encoded spans
}

// maxBatch is the size in bytes at which a batch is sent, however few spans it has: half of what gRPC takes at once, unless
// told otherwise.
const maxBatch = 2 << 20

// section is the spans of one source, each with tag and length as field "spans" of message ScopeSpans.
type section struct {
	b     []byte
	spans int
	bytes int // of encoded spans
}

// keepSection is the size up to which the memory of a section is used again, keepBatches how many batches are kept to be.
const (
	keepSection = 4 << 20
	keepBatches = 2
)

// reset empties a batch. Sources that had no part in it are forgotten.
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

// spanQueue collects spans in batches and has them sent, one batch after the other. It is the sink of all providers
// together. Taking a span is a copy under a lock that nobody holds for longer than that.
type spanQueue struct {
	sender   sender
	limits   limits
	inflight *inflight
	shares   *shares
	stop     *stopper

	mu      sync.Mutex
	current *batch
	full    []*batch // to be sent, in order
	free    []*batch
	closed  bool
	cut     int           // batches that were filled
	done    int           // batches that were sent, or lost
	step    chan struct{} // closed when done changes

	wake    chan struct{}
	closing chan struct{}
	ended   chan struct{}
}

func newSpanQueue(to sender, l limits, lost *losses, stop *stopper) *spanQueue {
	g := newInflight(l.queue, lost)
	q := &spanQueue{
		sender: to, limits: l, inflight: g, shares: newShares(g), stop: stop,
		current: newBatch(), step: make(chan struct{}),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}),
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
	if q.closed { // what was let in is counted when inflight is closed
		q.mu.Unlock()
		return
	}
	if q.current.bytes+len(encoded) > maxBatch {
		q.fill()
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
		q.fill()
	}
	ready := len(q.full) > 0
	q.mu.Unlock()
	if ready {
		q.nudge()
	}
}

// enter says whether there is room for one more span of a size.
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

// fill ends the current batch; the lock is held.
func (q *spanQueue) fill() {
	if q.current.spans == 0 {
		return
	}
	q.full = append(q.full, q.current)
	q.cut++
	if n := len(q.free); n > 0 {
		q.current, q.free = q.free[n-1], q.free[:n-1]
	} else {
		q.current = newBatch()
	}
}

func (q *spanQueue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine that sends.
func (q *spanQueue) run() {
	defer close(q.ended)
	timer := time.NewTimer(q.limits.delay)
	defer timer.Stop()
	for closing := false; !closing; {
		select {
		case <-q.wake:
		case <-timer.C:
			q.end()
		case <-q.closing:
			q.end()
			closing = true
		}
		for b := q.next(); b != nil; b = q.next() {
			q.export(b)
		}
		timer.Reset(q.limits.delay)
	}
}

// end ends the current batch, full or not, and says which number it has.
func (q *spanQueue) end() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fill()
	return q.cut
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
	ctx, release := q.stop.bound(context.Background())
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
	q.done++
	close(q.step)
	q.step = make(chan struct{})
}

// Flush sends what was taken before.
func (q *spanQueue) Flush(ctx context.Context) error {
	number := q.end()
	q.nudge()
	for {
		q.mu.Lock()
		done, step := q.done, q.step
		q.mu.Unlock()
		if done >= number {
			return nil
		}
		select {
		case <-step:
		case <-q.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close sends what is queued and ends the sender. What is not sent when ctx ends is lost.
func (q *spanQueue) close(ctx context.Context) error {
	defer q.inflight.abandon()
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	close(q.closing)
	end := make(chan error, 1)
	go func() {
		<-q.ended
		end <- q.sender.shutdown(ctx)
	}()
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
