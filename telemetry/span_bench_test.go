package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/workload"
)

// helloRequest is the hooks of a request that a component answers at once, exported to an endpoint that discards.
type helloRequest struct {
	tel        *Telemetry
	event, inv boundHooks
	subject    *request
}

func newHelloRequest(t testing.TB) *helloRequest {
	t.Helper()
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(sink.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", sink.URL+"/v1/traces")
	log := slog.New(slog.DiscardHandler)
	to, err := autoconf.Read(context.Background(), autoconf.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	tel, err := New(context.Background(), Config{Version: "v0", Logger: log, Consumers: to.Consumers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	w := &workload.Spec{Name: "hello", Namespace: "default", Components: []workload.Component{{Name: "hello"}}}
	i := tel.Component(w, &w.Components[0])
	bind := func(b *cm.Boundary) boundHooks { return boundHooks{b, i.Bind(b)} }
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:54321"
	return &helloRequest{
		tel: tel, subject: &request{r: r, route: "/", status: 200, out: 12},
		event: bind(&cm.Boundary{Kind: cm.Event, Caller: "http", Callee: "hello", Func: "/"}),
		inv:   bind(handleEdge),
	}
}

// serve runs the hooks of one request, as host and engine call them.
func (h *helloRequest) serve() {
	delete(h.subject.r.Header, "Traceparent")
	ev := cm.NewCall(h.event.b, nil, context.Background())
	ev.Subject, ev.Start = h.subject, time.Now()
	ctx := cm.WithCall(h.event.h.Enter(ev), ev)
	c := cm.NewCall(h.inv.b, ev, ctx)
	c.Start, c.Instance = time.Now(), cm.InstanceInfo{ID: 7, Reuse: "reset"}
	h.inv.h.Enter(c)
	h.inv.h.Exit(c, cm.End{Guest: 20 * time.Microsecond, Host: 5 * time.Microsecond, Fuel: 1000, MemoryPeak: 1 << 20})
	h.event.h.Exit(ev, cm.End{Guest: 20 * time.Microsecond, Host: 5 * time.Microsecond, Fuel: 1000})
}

// requestsPerBatch is how many requests make the batch of spans that is sent at once.
const requestsPerBatch = 256

// BenchmarkRequestSpans is what the two spans of a request cost from the hooks to the wire, receiver included; metrics and
// logs are off. Three of the allocations are calls and their context, which are the host's and the engine's.
func BenchmarkRequestSpans(b *testing.B) {
	h := newHelloRequest(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		h.serve()
		if n++; n%requestsPerBatch == 0 {
			if err := h.tel.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, d := range h.tel.Dropped() {
		if d.Count > 0 {
			b.Errorf("%s: %d of %d dropped", d.Reason, d.Count, 2*n)
		}
	}
}
