package pipeline

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// bigText is a text as long as one of a span may be.
var bigText = strings.Repeat("x", 64<<10)

// bigSpans makes n spans of about 1 MB.
func bigSpans(q *spanQueue, n int) {
	p := provider(q, "big")
	for range n {
		_, s := p.Tracer("t").Start(context.Background(), "big")
		for i := range 16 {
			s.SetAttributes(attribute.String(strings.Repeat("k", i+1), bigText))
		}
		s.End()
	}
}

// TestQueueOfBytes: during an upload that hangs, large spans reach the queue's bound of bytes before that of their number, and are
// counted for it; and no message is too large for a receiver.
func TestQueueOfBytes(t *testing.T) {
	w := &recordingClient{hold: make(chan struct{}), holding: make(chan struct{}, 1000)}
	l := slowLimits
	l.queue, l.batch = 2048, 512
	q, lost, _ := newTestQueue(t, w, l)
	bigSpans(q, 100)
	if n := q.inflight.bytes.Load(); n > q.inflight.maxBytes || q.inflight.maxBytes > 16<<20 {
		t.Errorf("%d bytes are held, of %d", n, q.inflight.maxBytes)
	}
	held := q.inflight.pending.Load()
	if lost.bytes.Load() != 100-held || lost.full.Load() != 0 || held < 10 {
		t.Errorf("%d are held; dropped for bytes %d, for their number %d", held, lost.bytes.Load(), lost.full.Load())
	}
	close(w.hold)
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q.inflight.bytes.Load() != 0 || q.inflight.pending.Load() != 0 {
		t.Errorf("%d bytes and %d spans are still held", q.inflight.bytes.Load(), q.inflight.pending.Load())
	}
	sent := 0
	for _, b := range w.batches {
		size := 0
		for _, r := range b {
			size += proto.Size(r)
			sent += len(r.ScopeSpans[0].Spans)
		}
		if size > maxBatch+64<<10 {
			t.Errorf("a batch has %d bytes", size)
		}
	}
	if int64(sent) != held {
		t.Errorf("%d spans were sent of %d", sent, held)
	}
	bigSpans(q, 3) // there is room again
	if err := q.Flush(t.Context()); err != nil || lost.bytes.Load() != 100-held {
		t.Errorf("%v, %d dropped", err, lost.bytes.Load())
	}
}

// heldLogs is an exporter that blocks until the test continues it.
type heldLogs struct {
	hold  chan struct{}
	mu    sync.Mutex
	sizes []int
	count int
}

func (h *heldLogs) Export(_ context.Context, rs []sdklog.Record) error {
	<-h.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for i := range rs {
		n += sizeOf(&rs[i])
	}
	h.sizes = append(h.sizes, n)
	h.count += len(rs)
	return nil
}
func (*heldLogs) Shutdown(context.Context) error   { return nil }
func (*heldLogs) ForceFlush(context.Context) error { return nil }

// TestLogQueueOfBytes is the same for log records, whichever part of them is large.
func TestLogQueueOfBytes(t *testing.T) {
	megabyte := strings.Repeat("x", 1<<20)
	for name, fill := range map[string]func(*log.Record){
		"body":      func(r *log.Record) { r.SetBody(attribute.StringValue(megabyte)) },
		"attribute": func(r *log.Record) { r.AddAttributes(attribute.String("a", megabyte)) },
		"list":      func(r *log.Record) { r.AddAttributes(attribute.StringSlice("a", []string{megabyte})) },
		"map":       func(r *log.Record) { r.SetBody(attribute.MapValue(attribute.String("a", megabyte))) },
		"bytes":     func(r *log.Record) { r.SetBody(attribute.ByteSliceValue([]byte(megabyte))) },
		"name":      func(r *log.Record) { r.SetEventName(megabyte) },
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			exp := &heldLogs{hold: make(chan struct{})}
			p, err := New(t.Context(), Config{Env: noEnv(&said), Consumers: []export.Consumer{{Logs: exp}}})
			if err != nil {
				t.Fatal(err)
			}
			lp := sdklog.NewLoggerProvider(sdklog.WithResource(sanitize.Resource{}.SDK()), sdklog.WithProcessor(p.LogProcessor()))
			var r log.Record
			fill(&r)
			const all = 100
			for range all {
				lp.Logger("l").Emit(t.Context(), r)
			}
			held := p.logs[0].inflight.pending.Load()
			if n := p.logs[0].inflight.bytes.Load(); n > p.logs[0].inflight.maxBytes {
				t.Errorf("%d bytes are held, of %d", n, p.logs[0].inflight.maxBytes)
			}
			if n := p.losses[0].bytes.Load(); n != all-held || held < 10 {
				t.Errorf("%d are held, %d dropped for bytes", held, n)
			}
			close(exp.hold)
			if err := p.Shutdown(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if int64(exp.count) != held {
				t.Errorf("%d were sent of %d", exp.count, held)
			}
			for _, n := range exp.sizes {
				if n > maxBatch {
					t.Errorf("a message of %d bytes", n)
				}
			}
		})
	}
}
