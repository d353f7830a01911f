package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// recordingClient is a client that keeps what its messages are on the wire.
type recordingClient struct {
	mu      sync.Mutex
	batches [][]*tracepb.ResourceSpans
	hold    chan struct{} // not nil: uploads wait for it
	holding chan struct{}
	err     error
}

func (w *recordingClient) Start(context.Context) error { return nil }
func (w *recordingClient) Stop(context.Context) error  { return nil }
func (w *recordingClient) UploadTraces(ctx context.Context, rs []*tracepb.ResourceSpans) error {
	if w.hold != nil {
		w.holding <- struct{}{}
		select {
		case <-w.hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var batch []*tracepb.ResourceSpans
	for _, r := range rs {
		b, err := proto.Marshal(r)
		if err != nil {
			return err
		}
		got := &tracepb.ResourceSpans{}
		if err := proto.Unmarshal(b, got); err != nil {
			return err
		}
		batch = append(batch, got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches = append(w.batches, batch)
	return w.err
}

func (w *recordingClient) sizes() (sizes []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.batches {
		n := 0
		for _, r := range b {
			for _, s := range r.ScopeSpans {
				n += len(s.Spans)
			}
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// newTestQueue is a queue that sends to a client, and a provider that puts spans into it.
func newTestQueue(t *testing.T, c otlptrace.Client, l limits) (*spanQueue, *losses, *span.Provider) {
	t.Helper()
	to, err := newOTLPSender(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	lost := &losses{signal: traces, log: logger(&bytes.Buffer{})}
	stop := newStopper()
	q := newSpanQueue(to, l, lost, stop)
	t.Cleanup(func() {
		stop.stop()
		if err := q.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return q, lost, provider(q, "one")
}

func provider(q *spanQueue, service string) *span.Provider {
	return span.NewProvider(span.Config{
		Resource: resource.NewWithAttributes("https://schema.example/r", attribute.String("service.name", service), attribute.Int("n", 1)),
		Sampler:  sdktrace.AlwaysSample(), Limits: sdktrace.NewSpanLimits(), Sink: q,
	})
}

func endSpans(p *span.Provider, n int) {
	tr := p.Tracer("scope", trace.WithInstrumentationVersion("v1"), trace.WithSchemaURL("https://schema.example/s"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
	for i := range n {
		_, s := tr.Start(context.Background(), fmt.Sprint("span ", i), trace.WithTimestamp(time.Unix(1, 0)))
		s.End(trace.WithTimestamp(time.Unix(2, 0)))
	}
}

var slowLimits = limits{queue: 100, batch: 10, delay: time.Hour, timeout: time.Hour}

// The message around spans equals that of the SDK's exporter.
func TestResourceSpans(t *testing.T) {
	w, sdk := &recordingClient{}, &recordingClient{}
	q, _, p := newTestQueue(t, w, slowLimits)
	endSpans(p, 1)
	endSpans(provider(q, "two"), 2)
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	exp, err := otlptrace.New(t.Context(), sdk)
	if err != nil {
		t.Fatal(err)
	}
	for i, service := range []string{"one", "two"} {
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp), sdktrace.WithResource(
			resource.NewWithAttributes("https://schema.example/r", attribute.String("service.name", service), attribute.Int("n", 1))))
		tr := tp.Tracer("scope", trace.WithInstrumentationVersion("v1"), trace.WithSchemaURL("https://schema.example/s"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
		for j := range i + 1 {
			_, s := tr.Start(context.Background(), fmt.Sprint("span ", j), trace.WithTimestamp(time.Unix(1, 0)))
			s.End(trace.WithTimestamp(time.Unix(2, 0)))
		}
		if err := tp.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	text := func(batches [][]*tracepb.ResourceSpans) []string {
		var out []string
		for _, b := range batches {
			for _, r := range b {
				for _, s := range r.ScopeSpans[0].Spans {
					s.TraceId, s.SpanId = nil, nil
				}
				b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(b))
			}
		}
		slices.Sort(out)
		return out
	}
	if got, want := text(w.batches), text(sdk.batches); len(w.batches) != 1 || !slices.Equal(got, want) {
		t.Errorf("%d batches\ngot  %v\nwant %v", len(w.batches), w.batches, sdk.batches)
	}
}

// A batch is sent when it is full or its time has come, and Flush sends the rest.
func TestBatches(t *testing.T) {
	w := &recordingClient{}
	q, lost, p := newTestQueue(t, w, slowLimits)
	endSpans(p, 25)
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.sizes(); !slices.Equal(got, []int{10, 10, 5}) {
		t.Errorf("batches of %v", got)
	}
	endSpans(p, 3)
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, s := range w.batches[3][0].ScopeSpans[0].Spans {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"span 0", "span 1", "span 2"}) {
		t.Errorf("the batch whose memory is used again holds %v", names)
	}
	if n := lost.full.Load() + lost.failed.Load(); n != 0 || q.inflight.pending.Load() != 0 {
		t.Errorf("%d lost, %d pending", n, q.inflight.pending.Load())
	}

	timed := &recordingClient{}
	soon := slowLimits
	soon.delay = time.Millisecond
	_, _, p = newTestQueue(t, timed, soon)
	endSpans(p, 2)
	for len(timed.sizes()) == 0 {
		time.Sleep(time.Millisecond)
	}
}

// The queue is bounded, does not wait for an upload, and counts what does not fit; what failed is counted too.
func TestQueueFull(t *testing.T) {
	w := &recordingClient{hold: make(chan struct{}), holding: make(chan struct{}, 100), err: errors.New("refused")}
	q, lost, p := newTestQueue(t, w, slowLimits)
	endSpans(p, 10)
	<-w.holding
	endSpans(p, 150)
	if n := lost.full.Load(); n != 60 {
		t.Errorf("%d dropped, want 60 of 160 that did not fit into 100", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("flush behind an upload that hangs: %v", err)
	}
	close(w.hold)
	if err := q.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := lost.failed.Load(); n != 100 || q.inflight.pending.Load() != 0 {
		t.Errorf("%d failed, %d pending", n, q.inflight.pending.Load())
	}
}

// An upload that takes too long is given up.
func TestExportTimeout(t *testing.T) {
	w := &recordingClient{hold: make(chan struct{}), holding: make(chan struct{}, 1)}
	l := slowLimits
	l.timeout = time.Millisecond
	q, lost, p := newTestQueue(t, w, l)
	endSpans(p, 1)
	if err := q.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := lost.failed.Load(); n != 1 {
		t.Errorf("%d failed", n)
	}
}

// Many services in many goroutines lose nothing, and no span is another's.
func TestManyServices(t *testing.T) {
	w := &recordingClient{}
	l := slowLimits
	l.queue = 1 << 20
	q, _, _ := newTestQueue(t, w, l)
	var wg sync.WaitGroup
	for i := range 8 {
		p := provider(q, fmt.Sprint(i))
		wg.Go(func() { endSpans(p, 500) })
		wg.Go(func() { endSpans(p, 500) })
		wg.Go(func() { _ = q.Flush(context.Background()) })
	}
	wg.Wait()
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, b := range w.batches {
		for _, r := range b {
			count[r.Resource.Attributes[1].Value.GetStringValue()] += len(r.ScopeSpans[0].Spans)
		}
	}
	for i := range 8 {
		if n := count[fmt.Sprint(i)]; n != 1000 {
			t.Errorf("%d spans of service %d: %v", n, i, count)
		}
	}
}

// TestEnvelopesEndWithService: a service's envelope is removed after the service has ended.
func TestEnvelopesEndWithService(t *testing.T) {
	w := &recordingClient{}
	q, _, lasting := newTestQueue(t, w, slowLimits)
	sent := func() int {
		if err := q.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(q.sender.(*otlpSender).envelopes)
	}
	endSpans(lasting, 1)
	var others []*span.Provider
	for i := range 5 {
		others = append(others, provider(q, fmt.Sprint(i)))
		endSpans(others[i], 1)
	}
	if n := sent(); n != 6 {
		t.Errorf("%d heads of 6 services", n)
	}
	for _, p := range others {
		endSpans(p, 1) // it was not sent yet when the service ended
		_ = p.Shutdown(t.Context())
	}
	if n := sent(); n != 1 {
		t.Errorf("%d heads of 1 service", n)
	}
	if n := w.sizes(); !slices.Equal(n, []int{6, 5}) {
		t.Errorf("sent %v", n)
	}
}

// OTEL_TRACES_SAMPLER and OTEL_BSP_* work as specified; bad values are warned of and ignored.
func TestTraceSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		sampler, arg string
		want         sdktrace.Sampler
		follows      bool
		said         string
	}{
		"default":      {"", "", sdktrace.ParentBased(sdktrace.AlwaysSample()), true, ""},
		"on":           {"always_on", "", sdktrace.AlwaysSample(), false, ""},
		"off":          {" Always_OFF ", "", sdktrace.NeverSample(), false, ""},
		"ratio":        {"traceidratio", "0.25", sdktrace.TraceIDRatioBased(0.25), false, ""},
		"whole":        {"traceidratio", "", sdktrace.TraceIDRatioBased(1), false, ""},
		"parent on":    {"parentbased_always_on", "", sdktrace.ParentBased(sdktrace.AlwaysSample()), true, ""},
		"parent off":   {"parentbased_always_off", "", sdktrace.ParentBased(sdktrace.NeverSample()), true, ""},
		"parent ratio": {"parentbased_traceidratio", "0.5", sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.5)), true, ""},
		"no ratio":     {"traceidratio", "half", sdktrace.TraceIDRatioBased(1), false, "OTEL_TRACES_SAMPLER_ARG"},
		"too much":     {"traceidratio", "2", sdktrace.TraceIDRatioBased(1), false, "OTEL_TRACES_SAMPLER_ARG"},
		"NaN":          {"traceidratio", "NaN", sdktrace.TraceIDRatioBased(1), false, "OTEL_TRACES_SAMPLER_ARG"},
		"unknown":      {"parentbased_dice", "", sdktrace.ParentBased(sdktrace.AlwaysSample()), true, "parentbased_dice"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			e := env.Env{Getenv: func(k string) string {
				return map[string]string{"OTEL_TRACES_SAMPLER": tc.sampler, "OTEL_TRACES_SAMPLER_ARG": tc.arg}[k]
			}, Log: logger(&said)}
			s, follows := samplerOf(e)
			if s.Description() != tc.want.Description() || follows != tc.follows {
				t.Errorf("%s, follows %t", s.Description(), follows)
			}
			if (tc.said == "") != (said.Len() == 0) || !strings.Contains(said.String(), tc.said) {
				t.Errorf("said %q", said.String())
			}
		})
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		want limits
	}{
		"default": {nil, limits{2048, 512, 5 * time.Second, 30 * time.Second}},
		"all": {map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "3", "OTEL_BSP_SCHEDULE_DELAY": "7", "OTEL_BSP_EXPORT_TIMEOUT": "9"},
			limits{10, 3, 7 * time.Millisecond, 9 * time.Millisecond}},
		"batch over queue": {map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, limits{10, 10, 5 * time.Second, 30 * time.Second}},
		"zero times":       {map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "0", "OTEL_BSP_EXPORT_TIMEOUT": "0"}, limits{2048, 512, time.Millisecond, 0}},
		"bad": {map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "-3", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "x", "OTEL_BSP_SCHEDULE_DELAY": "5s", "OTEL_BSP_EXPORT_TIMEOUT": "-1"},
			limits{2048, 512, 5 * time.Second, 30 * time.Second}},
	} {
		var said bytes.Buffer
		e := env.Env{Getenv: func(k string) string { return tc.env[k] }, Log: logger(&said)}
		if got := spanLimits(e); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
		want := 0
		if name == "bad" {
			want = len(tc.env)
		}
		if n := strings.Count(said.String(), "OTEL_BSP_"); n != want {
			t.Errorf("%s: said %s", name, said.String())
		}
	}
}
