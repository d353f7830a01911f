package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// hostileTexts are texts of names, headers and lines from outside.
var hostileTexts = map[string]string{
	"no UTF-8":  "a\xff\xfe.example",
	"cut":       "snow\xe2\x98",
	"surrogate": "a\xed\xa0\x80b",
	"NUL":       "a\x00b",
	"newline":   "a\nb\r\n# HELP x y\nx{y=\"z\"} 1",
	"quotes":    `a"b\c{}=,`,
	"1 MB":      strings.Repeat("x", 1<<20-1) + "\xff",
}

// recordHostile records all signals, with h as every text.
func recordHostile(tel *Telemetry, h string) {
	w := &workload.Spec{Name: h, Namespace: h, Version: h, Components: []workload.Component{{Name: h}}}
	i := tel.Component(w, &w.Components[0])
	iface := wit.InterfaceID{Namespace: h, Package: h, Interface: h}
	event := &cm.Boundary{Kind: cm.Event, Caller: cm.Path(h), Callee: cm.Path(h), Func: h}
	guest := &cm.Boundary{Kind: cm.HostToGuest, Caller: cm.Path(h), Callee: cm.Path(h), Interface: iface, Func: h, Type: handleEdge.Type}
	other := &cm.Boundary{Kind: cm.GuestToGuest, Caller: cm.Path(h), Callee: cm.Path(h), Interface: iface, Func: h,
		Type: &cm.FuncType{Result: &cm.Type{Kind: cm.KindResult, Err: &cm.Type{Kind: cm.KindEnum, Labels: []string{h}}}}}
	imports := &cm.Boundary{Kind: cm.GuestToHost, Caller: cm.Path(h), Callee: "host", Interface: iface, Func: h, Type: &cm.FuncType{}}
	out := *outEdge
	out.Caller = cm.Path(h)
	bind := func(b *cm.Boundary) boundHooks { return boundHooks{b, i.Bind(b)} }

	stop := i.(cm.Gauges).Gauge(cm.Path(h), cm.Gauge{Name: "instances", Unit: "{instance}", Help: h,
		Read: func(tell func(int64, ...cm.Attr)) { tell(1, cm.Attr{Key: h, Value: h}) }})
	defer stop()
	_, end := cm.Begin(context.Background(), i, &cm.Operation{Name: h, Component: cm.Path(h), Attrs: []cm.Attr{{Key: h, Value: h}, {Key: "cache.hit", Value: h}}})
	end(&cm.LimitError{Limit: h, Detail: h})

	e := bind(event)
	r := &request{r: httptest.NewRequest("GET", "/", nil), route: h, status: 500}
	r.r.Method, r.r.Host, r.r.RemoteAddr = h, h, net.JoinHostPort(h, "1")
	r.r.URL = &url.URL{Path: h, RawQuery: h}
	r.r.Header = http.Header{"User-Agent": {h}, "Traceparent": {h, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "Tracestate": {h, "a=" + h}, "Baggage": {h + "=" + h, "a=" + h}}
	c := cm.NewCrossing(e.b, nil, context.Background())
	c.Subject = r
	ctx := cm.WithCall(c.Enter(e.h), &c.Call)
	_, err := bind(guest).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
		for _, stream := range []string{"stdout", "stderr", "log", "limit", "failed", h} {
			i.Log(ctx, host.LogLine{Workload: h, Component: h, Stream: stream, Severity: host.SeverityError, Context: h, Text: h, Limit: h})
		}
		i.CountDropped(ctx, host.LogLine{Workload: h, Component: h, Limit: h}, 1)
		slog.New(tel.LogHandler()).With(h, h).WithGroup(h).ErrorContext(ctx, h, h, h, "error", errors.New(h), "any", struct{ S string }{h}, slog.Group(h, h, h))
		_, _ = bind(&out).cross(ctx, resourceArg(&outRequest{h, &url.URL{Scheme: h, Host: h, Path: h, RawQuery: h}, http.Header{h: {h}, "Traceparent": {h}}}),
			func(context.Context) (cm.Val, error) { return cm.Val{}, errors.New(h) })
		_, _ = bind(other).cross(ctx, nil, func(context.Context) (cm.Val, error) {
			return cm.ErrVal(cm.EnumVal(0)), nil
		})
		return bind(imports).cross(ctx, nil, func(context.Context) (cm.Val, error) {
			return cm.Val{}, &cm.Trap{Code: cm.TrapCode(h), Detail: h, Stack: []string{h, h}, Boundary: imports}
		})
	})
	c.Leave(cm.Val{}, cm.End{Err: err})
}

// harmless makes what every signal must show after an assault.
func recordHarmless(tel *Telemetry) {
	w := &workload.Spec{Name: "good", Components: []workload.Component{{Name: "good"}}}
	i := tel.Component(w, &w.Components[0])
	b := *handleEdge
	b.Callee = "good"
	_, _ = boundHooks{&b, i.Bind(&b)}.cross(context.Background(), resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
		i.Log(ctx, host.LogLine{Workload: "good", Component: "good", Stream: "stdout", Severity: host.SeverityInfo, Text: "good line"})
		return cm.Val{}, nil
	})
}

// TestHostileTexts: records with hostile texts, and later records, are exported without a loss, in every signal and protocol.
func TestHostileTexts(t *testing.T) {
	for name, h := range hostileTexts {
		for _, way := range []string{"http/protobuf", "grpc", "file"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				c := otlptest.New(t)
				env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": way}
				switch way {
				case "grpc":
					env = map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.GRPC, "OTEL_EXPORTER_OTLP_PROTOCOL": way}
				case "file":
					file := filepath.Join(t.TempDir(), "otel.yaml")
					if err := os.WriteFile(file, []byte(configFileFor(c.URL)), 0o600); err != nil {
						t.Fatal(err)
					}
					env = map[string]string{"OTEL_CONFIG_FILE": file}
				}
				var said bytes.Buffer
				tel := newExporting(t, &said, env)
				recordHostile(tel, h)
				recordHarmless(tel)
				if err := tel.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				for _, d := range tel.Dropped() {
					if d.Count != 0 {
						t.Errorf("lost: %+v", d)
					}
				}
				if !strings.Contains(c.Wire(), `"good"`) || len(c.Metrics()) == 0 || len(c.Spans()) < 6 || len(c.Records()) < 8 {
					t.Errorf("%d spans, %d metrics, %d records; said %.500s", len(c.Spans()), len(c.Metrics()), len(c.Records()), said.String())
				}
				for _, line := range strings.Split(said.String(), "\n") {
					if len(line) > 2000 {
						t.Errorf("a line of %d bytes is said: %.300s", len(line), line)
					}
				}
			})
		}
	}
}

func configFileFor(url string) string {
	return strings.ReplaceAll(`file_format: "1.0-rc.2"
tracer_provider:
  processors: [{batch: {exporter: {otlp_http: {endpoint: "%URL/v1/traces"}}}}]
logger_provider:
  processors: [{batch: {exporter: {otlp_http: {endpoint: "%URL/v1/logs"}}}}]
meter_provider:
  readers: [{periodic: {exporter: {otlp_http: {endpoint: "%URL/v1/metrics"}}}}]
`, "%URL", url)
}

// TestHostileResources: resource attributes that are no UTF-8 are sanitized before they are exported.
func TestHostileResources(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"service name":         {"OTEL_SERVICE_NAME": "svc\xff"},
		"attribute":            {"OTEL_RESOURCE_ATTRIBUTES": "a=x\xff,b\xfe=y"},
		"attribute, escaped":   {"OTEL_RESOURCE_ATTRIBUTES": "a=x%FF,service.name=%C3%28"},
		"pod":                  {"KUBERNETES_SERVICE_HOST": "1", "POD_NAME": "pod\xff"},
		"a megabyte of a name": {"OTEL_SERVICE_NAME": strings.Repeat("n", 100_000)},
	} {
		t.Run(name, func(t *testing.T) {
			c := otlptest.New(t)
			env["OTEL_EXPORTER_OTLP_ENDPOINT"] = c.URL
			var said bytes.Buffer
			tel := newExporting(t, &said, env)
			serveOneRequest(t, tel)
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if len(c.Traces()) == 0 || len(c.Metrics()) == 0 || len(c.Logs()) == 0 {
				t.Errorf("received %d traces, %d metrics, %d logs; said %s", len(c.Traces()), len(c.Metrics()), len(c.Logs()), said.String())
			}
		})
	}
}

// freePort is one that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestHostilePrometheus: one page serves all components; nothing from outside ends it or adds lines to it.
func TestHostilePrometheus(t *testing.T) {
	port := freePort(t)
	var said bytes.Buffer
	tel := newExporting(t, &said, map[string]string{
		"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": port,
		"OTEL_SERVICE_NAME": "svc\xff",
	})
	defer tel.Shutdown(context.Background())
	for _, h := range hostileTexts {
		recordHostile(tel, h)
	}
	recordHarmless(tel)
	resp, err := http.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d, %v: %.1000s", resp.StatusCode, err, page)
	}
	if !bytes.Contains(page, []byte(`vitrine_component="good"`)) {
		t.Errorf("the good component is not there; %d bytes: %.1000s", len(page), page)
	}
	if bytes.Contains(page, []byte("\n# HELP x y\n")) || bytes.Contains(page, []byte("\nx{y=")) {
		t.Error("a text from outside made lines of its own")
	}
	if n := len(page); n > 4<<20 {
		t.Errorf("the page has %d bytes", n)
	}
}

// TestOutsidersChooseAuthorities: a stream of destinations, methods and routes that others choose fills neither memory nor
// a metrics store.
func TestOutsidersChooseAuthorities(t *testing.T) {
	c := otlptest.New(t)
	var said bytes.Buffer
	tel := newExporting(t, &said, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_EXPORTER": "none"})
	w := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "shop"}}}
	i := tel.Component(w, &w.Components[0]).(*interceptor)
	out := boundHooks{outEdge, i.Bind(outEdge)}
	e := boundHooks{&cm.Boundary{Kind: cm.Event, Caller: "http", Callee: "shop", Func: "/"}, nil}
	e.h = i.Bind(e.b)
	for n := range 5000 {
		h := fmt.Sprintf("h%d\xff.example", n)
		_, _ = out.cross(context.Background(), resourceArg(&outRequest{"M" + h, &url.URL{Scheme: "http", Host: h}, http.Header{}}), nothing)
		r := &request{r: httptest.NewRequest("GET", "/", nil), status: 100 + n%900}
		r.r.Method, r.r.Host, r.r.ProtoMajor, r.r.ProtoMinor = "M"+h, h, 1, 1
		call := cm.NewCall(e.b, nil, context.Background())
		call.Subject = r
		e.h.Exit(call, func() cm.End { e.h.Enter(call); return cm.End{} }())
	}
	bound := maxAttributeSets + 200 // besides the overflow
	for name, n := range map[string]int{
		"client": len(*i.own.m.client.known.Load()), "server": len(*i.own.m.server.known.Load()), "active": len(*i.own.m.active.known.Load()),
	} {
		if n > bound {
			t.Errorf("%s: %d attribute sets are kept", name, n)
		}
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, rm := range c.Metrics() {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if n := len(m.GetHistogram().GetDataPoints()) + len(m.GetSum().GetDataPoints()); n > bound {
					t.Errorf("%s has %d attribute sets", m.Name, n)
				}
			}
		}
	}
}
