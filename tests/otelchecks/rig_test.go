package otelchecks

import (
	"context"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/otel"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// rig is a host whose telemetry goes to a collector, by OTLP.
type rig struct {
	testing.TB
	*telemetry.Telemetry
	collector receiver
	host      *host.Local
	hand      *handTrigger
	url       string // of the HTTP trigger
	console   *console
	warnings  *warnings
	gets      int
	over      bool
}

// handTrigger gives tests the invoker of each workload.
type handTrigger struct {
	mu       sync.Mutex
	invokers map[string]host.Invoker
}

func (*handTrigger) Type() string                  { return "hand" }
func (*handTrigger) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (h *handTrigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.invokers[w.Name] = inv
	return func(context.Context) error { return nil }, nil
}

// worker serves test:otel/work: a host function of another kind, whose calls are spans.
type worker struct {
	do func(ctx context.Context, n uint32) // nil: nothing
}

func (*worker) Name() string              { return "work" }
func (*worker) Serves() []wit.InterfaceID { return nil }
func (w *worker) Bind(_ context.Context, l *component.Linker, _ *host.Binding) (func(), error) {
	l.Instance(wit.MustParseID("test:otel/work@0.1.0")).GoFunc("work", func(ctx context.Context, n uint32) {
		if w.do != nil {
			w.do(ctx, n)
		}
	})
	return nil, nil
}

type console struct {
	mu    sync.Mutex
	lines []host.LogLine
}

func (c *console) Log(_ context.Context, l host.LogLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, l)
}

// warnings keeps what telemetry's own log says.
type warnings struct {
	mu  sync.Mutex
	all []string
}

func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(b))
	return len(b), nil
}

func (w *warnings) with(text string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.all {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

// setting changes a rig before it starts.
type setting func(*rigConfig)

type rigConfig struct {
	env        map[string]string
	telemetry  telemetry.Config
	components []workload.Component
	work       func(ctx context.Context, n uint32)
	http       string // the component that the HTTP trigger reaches
	grpc       string // the collector's other endpoint
	startError *error // where the error of a start that is to fail goes
	observe    func(host.Observer) host.Observer
}

func withEnv(key, value string) setting { return func(c *rigConfig) { c.env[key] = value } }
func withWork(f func(ctx context.Context, n uint32)) setting {
	return func(c *rigConfig) { c.work = f }
}
func withComponent(f func(*workload.Component)) setting {
	return func(c *rigConfig) { f(&c.components[0]) }
}
func withFile(name string) setting {
	return func(c *rigConfig) { c.components[0].Source.File = "testdata/" + name }
}

// withGuest has a prebuilt guest serve HTTP.
func withGuest(name string) setting {
	return func(c *rigConfig) {
		c.http = "guest"
		c.components = []workload.Component{{Name: "guest", Source: workload.Source{File: filepath.Join(testref.GuestDir(), "prebuilt", name+".component.wasm")}}}
	}
}

func failing(err *error) setting { return func(c *rigConfig) { c.startError = err } }

// newRig starts a workload of one component: the guest of testdata, unless settings say otherwise.
func newRig(t testing.TB, settings ...setting) *rig {
	t.Helper()
	for _, e := range os.Environ() {
		if k, _, _ := strings.Cut(e, "="); strings.HasPrefix(k, "OTEL_") {
			t.(interface{ Setenv(k, v string) }).Setenv(k, "")
		}
	}
	r := &rig{TB: t, collector: newReceiver(t), hand: &handTrigger{invokers: map[string]host.Invoker{}}, console: &console{}, warnings: &warnings{}}
	c := rigConfig{
		grpc:       r.collector.grpc,
		env:        map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
		components: []workload.Component{{Name: "guest", Source: workload.Source{File: guestFile()}}},
	}
	for _, s := range settings {
		s(&c)
	}
	for i := range c.components {
		if c.components[i].Source.File == guestFile() {
			uses.add("guest")
			if in := &c.components[i].Instances; in.Isolation == "" {
				in.Isolation = "fresh" // the default of WASI 0.2, also for the guests of 0.3
			}
		}
		if limits := &c.components[i].Limits; limits.Deadline == 0 {
			limits.Deadline = 10 * time.Minute // a million records take more than the default under the race detector
		}
	}
	for k, v := range c.env {
		t.(interface{ Setenv(k, v string) }).Setenv(k, v)
	}
	log := slog.New(slog.NewTextHandler(r.warnings, nil))
	quiet := slog.New(slog.DiscardHandler)
	to, err := autoconf.Read(t.Context(), autoconf.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	c.telemetry.Version, c.telemetry.Logger = "v0", log
	c.telemetry.Consumers = append(c.telemetry.Consumers, to.Consumers...)
	if r.Telemetry, err = telemetry.New(t.Context(), c.telemetry); err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(t.Context(), component.WithCacheDir(filepath.Join(os.TempDir(), "vitrine-otelchecks")))
	if err != nil {
		t.Fatal(err)
	}
	triggers := []host.Trigger{r.hand}
	var web *http.Trigger
	spec := workload.Spec{Name: "w", Namespace: "n", Version: "1", Components: c.components}
	if c.http != "" {
		web = http.New(http.Config{Listen: "127.0.0.1:0", Logger: quiet})
		if err := web.Listen(); err != nil {
			t.Fatal(err)
		}
		triggers = append(triggers, web)
		spec.Triggers = []workload.TriggerSpec{{Type: "http", Component: c.http, Config: http.Route{Path: "/"}}}
	}
	var observer host.Observer = r.Telemetry
	if c.observe != nil {
		observer = c.observe(observer)
	}
	r.host, err = host.New(host.Config{
		Engine: engine, Observer: observer, Logger: quiet, Console: r.console, Triggers: triggers,
		Plugins: []host.Plugin{hostwasi.New(hostwasi.Config{}), otel.Plugin{}, &worker{c.work}, keyvalue.New(kvmemory.New(0))},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.host.Start(t.Context(), &spec)
	if c.startError != nil {
		*c.startError = err
	} else if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	if web != nil {
		r.url = "http://" + web.Addrs()[0].String()
	}
	go func() {
		defer close(done)
		_ = r.host.Run(running)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		r.end()
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// start starts one more workload of the guest of testdata.
func (r *rig) start(name string) {
	r.Helper()
	_, err := r.host.Start(r.Context(), &workload.Spec{Name: name, Namespace: "n", Version: "1", Components: []workload.Component{{Name: "guest", Source: workload.Source{File: guestFile()}}}})
	if err != nil {
		r.Fatal(err)
	}
}

// end stops the host, which sends all telemetry.
func (r *rig) end() {
	if r.over {
		return
	}
	r.over = true
	for _, end := range []func(context.Context) error{r.host.Close, r.Shutdown} {
		if err := end(context.Background()); err != nil {
			r.Error(err)
		}
	}
}

// get requests a path from the guest and gives the answer.
func (r *rig) get(path string, headers ...string) string {
	r.Helper()
	rq, err := nethttp.NewRequestWithContext(r.Context(), nethttp.MethodGet, r.url+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		rq.Header.Set(headers[i], headers[i+1])
	}
	r.gets++
	res, err := nethttp.DefaultClient.Do(rq)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return string(b)
}

// fetch requests a path on any goroutine.
func (r *rig) fetch(path string) string {
	res, err := nethttp.Get(r.url + path)
	if err != nil {
		r.Error(err)
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.Error(err)
	}
	return string(b)
}

// hostTrace is the trace of invocations, of which remoteParent is outside the host. Both begin with a zero.
const (
	hostTrace    = "0af7651916cd43dd8448eb211c80319c"
	remoteParent = "07ad6b7169203331"
)

// inTrace is a context with a parent from elsewhere.
func inTrace(ctx context.Context, id string, sampled bool) context.Context {
	t, err := trace.TraceIDFromHex(id)
	if err != nil {
		panic(err)
	}
	s, _ := trace.SpanIDFromHex(remoteParent)
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true}))
}

// play has the guest do what an image says, in one invocation in hostTrace, and gives its memory.
func (r *rig) play(im *image) *memory {
	r.Helper()
	m, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", im)
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func (r *rig) tryPlay(ctx context.Context, name string, im *image) (*memory, error) {
	var out *memory
	err := r.hand.invokers[name].Invoke(ctx, &host.Invocation{Component: "guest", Trigger: "hand", Name: "play", Run: func(ctx context.Context, inst *component.Instance) error {
		v, err := inst.Call(ctx, "test:otel/player@0.1.0#play", im.bytes())
		if err == nil {
			out = &memory{v.([]byte)}
		}
		return err
	}})
	return out, err
}

// upstream is a server that keeps the headers that it was sent.
type upstream struct {
	url     string
	mu      sync.Mutex
	headers []nethttp.Header
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{url: "http://" + l.Addr().String()}
	srv := &nethttp.Server{Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.headers = append(u.headers, r.Header.Clone())
		_, _ = io.WriteString(w, "up")
	}), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return u
}

func (u *upstream) last(key string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.headers) == 0 {
		return ""
	}
	return u.headers[len(u.headers)-1].Get(key)
}
