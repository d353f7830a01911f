package pipeline

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Bounds of metrics that guests have collected and that wait to be sent.
const (
	maxPushes     = 64
	maxPushedSize = 16 << 20
)

// Reasons why a guest's metrics are refused; the guest gets them.
var (
	errPushFull = errors.New("too many metrics wait to be sent")
	errNoPush   = errors.New("the host's metrics are only read, by a reader that takes none of others; see OTEL_METRICS_EXPORTER")
)

// pushes is a queue of metrics that guests have collected, for one exporter. Its goroutine runs while the queue is not empty.
type pushes struct {
	exporter *sharedMetrics

	mu      sync.Mutex
	waiting []push
	size    int
	running bool
	closed  bool
	idle    chan struct{} // closed when the queue is empty; nil unless flush waits
}

type push struct {
	rm   *metricdata.ResourceMetrics
	size int
}

// put queues metrics, or drops and counts them.
func (p *pushes) put(rm *metricdata.ResourceMetrics, size int) error {
	p.mu.Lock()
	if p.closed || len(p.waiting) >= maxPushes || p.size+size > maxPushedSize {
		p.mu.Unlock()
		p.exporter.losses.count(ReasonQueueFull, 1, nil)
		return errPushFull
	}
	p.waiting = append(p.waiting, push{rm, size})
	p.size += size
	if !p.running {
		p.running = true
		go p.run()
	}
	p.mu.Unlock()
	return nil
}

func (p *pushes) run() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.running = false
			if p.idle != nil {
				close(p.idle)
				p.idle = nil
			}
			p.mu.Unlock()
			return
		}
		next := p.waiting[0]
		p.waiting = append(p.waiting[:0], p.waiting[1:]...)
		p.mu.Unlock()
		_ = p.exporter.Export(context.Background(), next.rm) // Export counts failures, and the pipeline's end cancels it
		p.mu.Lock()
		p.size -= next.size
		p.mu.Unlock()
	}
}

// flush waits until the queue is sent.
func (p *pushes) flush(ctx context.Context) error {
	p.mu.Lock()
	if !p.running {
		p.mu.Unlock()
		return nil
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close sends the queue and takes no more metrics. The rest is lost when ctx ends.
func (p *pushes) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.flush(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exporter.losses.count(ReasonShutdown, len(p.waiting), nil)
	p.waiting = nil
	return err
}

// PushMetrics queues metrics that a guest has collected, of a size in bytes. It does not block. It fails if an exporter's queue is
// full, and if there are readers only.
func (p *Pipeline) PushMetrics(rm *metricdata.ResourceMetrics, size int) error {
	if len(p.metrics) == 0 && len(p.readers) > 0 {
		return errNoPush
	}
	var first error
	for _, m := range p.metrics {
		if err := m.pushes.put(rm, size); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// FlushPushes waits until all of PushMetrics is sent.
func (p *Pipeline) FlushPushes(ctx context.Context) error {
	var all []func(context.Context) error
	for _, m := range p.metrics {
		all = append(all, m.pushes.flush)
	}
	return All(ctx, all...)
}
