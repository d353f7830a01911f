package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// engineHarness is a host like `vitrine`'s, with telemetry in memory.
type engineHarness struct {
	t      *testing.T
	spans  *keepSpans
	logs   *telemetry.MemoryLogs
	reader *sdkmetric.ManualReader
	tel    *telemetry.Telemetry
	host   *host.Local
	http   *vhttp.Trigger
	detail telemetry.Detail
	hide   []string // texts that differ between runs, each followed by its replacement
}

// newEngineHarness makes one. The test's end closes it.
func newEngineHarness(t *testing.T, detail telemetry.Detail, triggers ...host.Trigger) *engineHarness {
	t.Helper()
	return newEngineHarnessWith(t, detail, nil, triggers...)
}

// newEngineHarnessWith makes one with more plugins than WASI's.
func newEngineHarnessWith(t *testing.T, detail telemetry.Detail, plugins []host.Plugin, triggers ...host.Trigger) *engineHarness {
	t.Helper()
	w := &engineHarness{t: t, spans: &keepSpans{tracetest.NewInMemoryExporter()}, logs: &telemetry.MemoryLogs{}, reader: sdkmetric.NewManualReader(),
		http: vhttp.New(vhttp.Config{}), detail: detail}
	w.begin(telemetry.Config{Detail: detail}, export.Consumer{Spans: w.spans, Logs: w.logs, MetricReader: w.reader}, plugins, triggers...)
	return w
}

// begin makes telemetry, engine and host.
func (w *engineHarness) begin(cfg telemetry.Config, consumer export.Consumer, plugins []host.Plugin, triggers ...host.Trigger) {
	t, ctx := w.t, context.Background()
	t.Helper()
	discard := slog.New(slog.DiscardHandler)
	var err error
	cfg.Getenv, cfg.Version, cfg.Logger, cfg.Consumers = func(string) string { return "" }, "v0", discard, []export.Consumer{consumer}
	w.tel, err = telemetry.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.host, err = host.New(host.Config{Engine: engine, Observer: w.tel, Logger: discard, Triggers: append(triggers, w.http),
		Plugins: append(plugins, hostwasi.New(hostwasi.Config{}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, end := range []func(context.Context) error{w.host.Close, engine.Close, w.tel.Shutdown} {
			if err := end(ctx); err != nil {
				t.Error(err)
			}
		}
	})
}

// guestComponent is a component with a prebuilt guest's name or a file's path.
func guestComponent(name, guest string) workload.Component {
	file := guest
	if !strings.HasSuffix(guest, ".wasm") {
		file = filepath.Join(testref.GuestDir(), "prebuilt", guest+".component.wasm")
	}
	return workload.Component{Name: name, Source: workload.Source{File: file}}
}

// httpWorkload serves its first component at /.
func httpWorkload(components ...workload.Component) *workload.Spec {
	for i := range components {
		components[i].Instances.Isolation = "fresh"
	}
	return &workload.Spec{Name: "shop", Namespace: "test", Version: "1.2.3", Components: components,
		Triggers: []workload.TriggerSpec{{Type: "http", Component: components[0].Name}}}
}

// linkedShop is a shop of three components that the host links.
func linkedShop() *workload.Spec {
	s, c, p := guestComponent("shop", "rust-shop-http"), guestComponent("cart", "rust-cart"), guestComponent("price", "rust-price")
	s.Links, c.Links = map[string]string{"shop:cart/cart": "cart"}, map[string]string{"shop:price/price": "price"}
	return httpWorkload(s, c, p)
}

// serve starts a workload, runs its triggers while f sends requests, and stops it.
func (w *engineHarness) serve(spec *workload.Spec, f func(base string)) {
	w.t.Helper()
	if err := w.http.Listen(); err != nil {
		w.t.Fatal(err)
	}
	id, err := w.host.Start(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.host.Run(ctx) }()
	w.hideAddress(w.http.Addr().String(), "HOST")
	f("http://" + w.http.Addr().String())
	cancel()
	if err := <-done; err != nil {
		w.t.Error(err)
	}
	if err := w.host.Stop(context.Background(), id); err != nil {
		w.t.Error(err)
	}
}

// get sends a request with a traceparent.
func (w *engineHarness) get(ctx context.Context, url string, status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if status != 0 || ctx.Err() == nil {
			w.t.Errorf("%s: %v", url, err)
		}
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != status {
		w.t.Errorf("%s: status %d, %v; want %d", url, resp.StatusCode, err, status)
	}
}

// hideAddress replaces an address by a name, also in queries.
func (w *engineHarness) hideAddress(addr, name string) {
	w.hide = append(w.hide, addr, name, url.QueryEscape(addr), name)
}

// measured are attributes whose values are measurements or come from the system.
var measured = regexp.MustCompile(`(?m)(vitrine\.(?:guest\.time(?:\.total)?|callee\.time|host\.time|wait\.time|http\.(?:head|body|stall)\.time|fuel(?:\.total)?|instance\.id|size|digest)|network\.peer\.port|server\.port|client\.port)=[^\s:]+`)

// tree formats some spans and all log records, without values that differ between runs.
func (w *engineHarness) tree(only func(tracetest.SpanStub) bool) string {
	w.t.Helper()
	if err := w.tel.Flush(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	spans := slices.DeleteFunc(w.spans.GetSpans(), func(s tracetest.SpanStub) bool {
		return !only(s) || w.detail != telemetry.DetailAll && otlptest.IsWait(s.Name)
	})
	text := telemetry.FormatSpans(spans) + w.logs.Format(spans)
	return measured.ReplaceAllString(strings.NewReplacer(w.hide...).Replace(text), "$1=~")
}

func inCallersTrace(s tracetest.SpanStub) bool {
	return s.SpanContext.TraceID().String() == "0af7651916cd43dd8448eb211c80319c"
}

// TestEngineTrees: the spans of real components on the real engine, with parents and outcomes.
func TestEngineTrees(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		fmt.Fprintln(w, "from upstream")
	}))
	defer upstream.Close()
	full := func(change func(*workload.Component)) *workload.Spec {
		c := guestComponent("full", "rust-http-full-p2")
		c.Grants.HTTP = []string{"*"}
		if change != nil {
			change(&c)
		}
		return httpWorkload(c)
	}
	for name, tc := range map[string]struct {
		detail telemetry.Detail
		spec   *workload.Spec
		path   string
		status int // 0: the client goes away
	}{
		"host guest host":   {spec: full(nil), path: "/fetch?url=" + url.QueryEscape(upstream.URL+"/a"), status: 200},
		"guest guest guest": {spec: linkedShop(), path: "/total?items=3", status: 200},
		"error of a guest":  {spec: linkedShop(), path: "/basket?add=pear:1", status: 409},
		"trap in the third": {spec: linkedShop(), path: "/total?items=13", status: 500},
		"composed":          {spec: httpWorkload(guestComponent("composed", "shop-composed")), path: "/total?items=13", status: 500},
		"guest says 500":    {spec: full(nil), path: "/status?code=500", status: 500},
		"deadline": {spec: full(func(c *workload.Component) { c.Limits.Deadline = 300 * time.Millisecond; c.Limits.Fuel = 1e15 }),
			path: "/spin", status: 504},
		"fuel":              {spec: full(func(c *workload.Component) { c.Limits.Fuel = 10_000_000 }), path: "/spin", status: 500},
		"client gone":       {spec: full(nil), path: "/sleep?ms=60000"},
		"request refused":   {spec: full(func(c *workload.Component) { c.Grants.HTTP = nil }), path: "/fetch?url=http://denied.example/", status: 502},
		"lines":             {spec: full(nil), path: "/log", status: 200},
		"detail all":        {detail: telemetry.DetailAll, spec: full(nil), path: "/hello", status: 200},
		"detail invocation": {detail: telemetry.DetailInvocation, spec: linkedShop(), path: "/total?items=3", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEngineHarness(t, tc.detail)
			w.hideAddress(upstream.Listener.Addr().String(), "UPSTREAM")
			w.serve(tc.spec, func(base string) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.status == 0 {
					time.AfterFunc(500*time.Millisecond, cancel) // the guest waits a minute
				}
				w.get(ctx, base+tc.path, tc.status)
			})
			telemetry.Golden(t, w.tree(inCallersTrace))
		})
	}
}

// TestEngineCommand: a command that exits, and its span.
func TestEngineCommand(t *testing.T) {
	for name, args := range map[string][]string{"exit": {"exit", "3"}, "trap": {"divzero"}, "ok": {"args"}} {
		t.Run(name, func(t *testing.T) {
			trigger := command.New("hostile")
			w := newEngineHarness(t, telemetry.DetailBoundary, trigger)
			c := guestComponent("hostile", "rust-cli-hostile")
			c.Args = append([]string{"hostile"}, args...)
			spec := &workload.Spec{Name: "w", Namespace: "test", Components: []workload.Component{c}}
			if _, err := w.host.Start(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			if err := trigger.Run(t.Context()); (err != nil) != (name != "ok") {
				t.Errorf("ended with %v", err)
			}
			if err := w.tel.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			ran := map[trace.TraceID]bool{}
			for _, s := range w.spans.GetSpans() {
				ran[s.SpanContext.TraceID()] = ran[s.SpanContext.TraceID()] || strings.HasPrefix(s.Name, "command ")
			}
			telemetry.Golden(t, w.tree(func(s tracetest.SpanStub) bool { return ran[s.SpanContext.TraceID()] }))
		})
	}
}

// TestEngineStart: the spans of a start that succeeds, and of one that fails at a link.
func TestEngineStart(t *testing.T) {
	lost := linkedShop()
	lost.Components[0].Links = nil
	for name, spec := range map[string]*workload.Spec{"fails": lost, "starts": linkedShop()} {
		t.Run(name, func(t *testing.T) {
			w := newEngineHarness(t, telemetry.DetailBoundary)
			if _, err := w.host.Start(t.Context(), spec); (err != nil) != (name == "fails") {
				t.Errorf("started with %v", err)
			}
			dir, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			w.hide = append(w.hide, filepath.Dir(dir), "ROOT")
			telemetry.Golden(t, w.tree(func(tracetest.SpanStub) bool { return true }))
		})
	}
}

func (w *engineHarness) collect() (rm metricdata.ResourceMetrics) {
	w.t.Helper()
	if err := w.reader.Collect(context.Background(), &rm); err != nil {
		w.t.Fatal(err)
	}
	return rm
}

// waitIdle waits until the only instance is idle.
func (w *engineHarness) waitIdle() {
	w.t.Helper()
	for range 6000 {
		for _, sm := range w.collect().ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name == "vitrine.instances" && slices.Contains(telemetry.FormatMetric(m), "vitrine.instance.state=idle: 1") &&
					slices.Contains(telemetry.FormatMetric(m), "vitrine.instance.state=resetting: 0") {
					return
				}
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatal("the instance is not set back")
}

// TestEngineMetrics: the metrics of real requests, one of each kind.
func TestEngineMetrics(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
	defer upstream.Close()
	w := newEngineHarness(t, telemetry.DetailBoundary)
	c := guestComponent("full", "rust-http-full-p2")
	c.Grants.HTTP = []string{"*"}
	spec := httpWorkload(c)
	w.hideAddress(upstream.Listener.Addr().String(), "UPSTREAM")
	w.serve(spec, func(base string) {
		for path, status := range map[string]int{"/fetch?url=" + url.QueryEscape(upstream.URL+"/secret/path/of-nobody"): 200, "/hello": 200} {
			w.get(t.Context(), base+path, status)
			w.waitIdle()
		}
		w.get(t.Context(), base+"/trap", 500)
	})
	rm := w.collect()
	var lines []string
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			for _, l := range telemetry.FormatMetric(m) {
				l = m.Name + "{" + m.Unit + "} " + l
				if strings.Contains(l, "of-nobody") || strings.Contains(l, "secret") {
					t.Errorf("a path is in a metric: %s", l)
				}
				switch {
				case strings.HasPrefix(m.Name, "vitrine.instances"), strings.HasPrefix(m.Name, "vitrine.telemetry"), m.Name == "vitrine.memory.peak":
					continue // depend on the time, or on the guest's build
				case strings.Contains(l, "vitrine.operation=instantiate:"), strings.Contains(l, "vitrine.operation=reset:"):
					continue // made after the response; after the trap only if there is time
				case m.Name == "vitrine.host_call.duration" && !strings.Contains(l, "vitrine.function=handle "):
					continue
				case m.Name == "vitrine.fuel":
					l = l[:strings.LastIndex(l, ":")] + ": ~"
				}
				lines = append(lines, l)
			}
		}
	}
	slices.Sort(lines)
	text := strings.Join(slices.Compact(lines), "\n") + "\n"
	telemetry.Golden(t, measured.ReplaceAllString(strings.NewReplacer(w.hide...).Replace(text), "$1=~"))
}

// TestEngineHostError: the spans of a host function that fails, and of its callers.
func TestEngineHostError(t *testing.T) {
	ctx := t.Context()
	w := newEngineHarness(t, telemetry.DetailBoundary)
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../testdata/fixture/fixture.wasm")
	if err != nil {
		t.Fatal(err)
	}
	spec := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "fixture"}}}
	linker := engine.NewLinker(w.tel.Component(spec, &spec.Components[0]))
	fixtureHostFuncs(linker, nil, nil)
	c, err := linker.Load(ctx, "fixture", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(ctx)
	f, err := inst.Func(fixtureRun, "fails")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Call(ctx); err == nil || !strings.Contains(err.Error(), "told to fail") {
		t.Errorf("got %v", err)
	}
	telemetry.Golden(t, w.tree(func(s tracetest.SpanStub) bool { return strings.Contains(s.Name, "#fails") }))
}
