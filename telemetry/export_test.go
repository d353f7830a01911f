package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// newExporting sets telemetry up from the process's environment, as the command line does.
func newExporting(t *testing.T, said *bytes.Buffer, kv map[string]string) *Telemetry {
	t.Helper()
	for _, e := range os.Environ() {
		if k, _, _ := strings.Cut(e, "="); strings.HasPrefix(k, "OTEL_") {
			t.Setenv(k, "")
		}
	}
	for k, v := range kv {
		t.Setenv(k, v)
	}
	log := slog.New(slog.NewTextHandler(said, nil))
	to, err := autoconf.Read(t.Context(), autoconf.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	tel, err := New(t.Context(), Config{Version: "v0", Logger: log, Consumers: to.Consumers, Providers: to.Providers})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// serveOneRequest makes one span, one log line and one measurement.
func serveOneRequest(t *testing.T, tel *Telemetry) {
	t.Helper()
	w := &workload.Spec{Name: "shop", Namespace: "test", Components: []workload.Component{{Name: "shop"}}}
	i := tel.Component(w, &w.Components[0])
	e := boundHooks{handleEdge, nil}
	if i != nil {
		defer i.Release()
		e.h = i.Bind(handleEdge)
	}
	e.cross(context.Background(), resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
		if i == nil {
			return cm.Val{}, nil
		}
		i.Log(ctx, host.LogLine{Workload: "shop", Component: "shop", Stream: "stdout", Severity: host.SeverityInfo, Text: "hello"})
		return cm.Val{}, nil
	})
}

// The environment decides which signals are exported and where, by the specification's rules.
func TestEnvironment(t *testing.T) {
	const (
		T = 1 << iota
		M
		L
	)
	for name, tc := range map[string]struct {
		env  func(c *otlptest.Collector) map[string]string
		want int
		warn string
	}{
		"nothing": {env: func(*otlptest.Collector) map[string]string { return nil }},
		"endpoint": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL}
		}, want: T | M | L},
		"grpc": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.GRPC, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
		}, want: T | M | L},
		"gzip": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
		}, want: T | M | L},
		"endpoint of one signal": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": c.URL + "/v1/logs"}
		}, want: L},
		"none wins over endpoint": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
		}, want: T},
		"empty is unset": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_EXPORTER": "", "OTEL_SDK_DISABLED": ""}
		}, want: T | M | L},
		"disabled": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_SDK_DISABLED": "TRUE"}
		}},
		"disabled by rubbish": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_SDK_DISABLED": "1"}
		}, want: T | M | L, warn: "OTEL_SDK_DISABLED"},
		"unknown exporter": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_EXPORTER": "carrier-pigeon"}
		}, want: T | M | L, warn: "OTEL_TRACES_EXPORTER"},
		"unknown protocol": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "smtp"}
		}, want: T | M | L, warn: "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"unknown propagator": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_PROPAGATORS": "tracecontext,smoke"}
		}, want: T | M | L, warn: "OTEL_PROPAGATORS"},
		"bad number": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_BSP_MAX_QUEUE_SIZE": "many", "OTEL_BLRP_MAX_QUEUE_SIZE": "-1"}
		}, want: T | M | L, warn: "OTEL_BLRP_MAX_QUEUE_SIZE"},
		"bad sampler": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_SAMPLER": "dice"}
		}, want: T | M | L, warn: "dice"},
		"sampled out": {env: func(c *otlptest.Collector) map[string]string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_SAMPLER": "always_off"}
		}, want: M | L},
	} {
		t.Run(name, func(t *testing.T) {
			c := otlptest.New(t)
			var said bytes.Buffer
			tel := newExporting(t, &said, tc.env(c))
			serveOneRequest(t, tel)
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			got := 0
			if len(c.Traces()) > 0 {
				got |= T
			}
			if len(c.Metrics()) > 0 {
				got |= M
			}
			if len(c.Logs()) > 0 {
				got |= L
			}
			if got != tc.want {
				t.Errorf("received %03b (logs metrics traces), want %03b", got, tc.want)
			}
			if tc.warn == "" && said.Len() > 0 || !strings.Contains(said.String(), tc.warn) {
				t.Errorf("said %q, want something of %q", said.String(), tc.warn)
			}
		})
	}
}

// OTLP's JSON has the same content as protobuf.
func TestJSON(t *testing.T) {
	bodies := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer srv.Close()
	var said bytes.Buffer
	tel := newExporting(t, &said, map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": srv.URL + "/v1/traces", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
	})
	serveOneRequest(t, tel)
	if err := tel.Shutdown(t.Context()); err != nil || said.Len() > 0 {
		t.Fatal(err, said.String())
	}
	body := <-bodies
	for _, want := range []string{"application/json {", `"name":"shop wasi:http/incoming-handler@0.2.0#handle"`, `"key":"vitrine.fuel","value":{"intValue":"42"}`, `"key":"service.name","value":{"stringValue":"shop"}`} {
		if !strings.Contains(strings.ReplaceAll(body, `": `, `":`), want) {
			t.Errorf("sent %s, which lacks %s", body, want)
		}
	}
}

// The environment's resource attributes win; without them the component is the service.
func TestResource(t *testing.T) {
	resource := func(t *testing.T, kv map[string]string) map[string]string {
		c := otlptest.New(t)
		all := map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.URL + "/v1/traces"}
		for k, v := range kv {
			all[k] = v
		}
		var said bytes.Buffer
		tel := newExporting(t, &said, all)
		serveOneRequest(t, tel)
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{"said": said.String()}
		for _, kv := range c.Traces()[0].Resource.Attributes {
			out[kv.Key] = kv.Value.GetStringValue()
		}
		return out
	}
	for name, tc := range map[string]struct{ env, want map[string]string }{
		"derived": {nil, map[string]string{"service.name": "shop", "service.namespace": "test", "vitrine.component": "shop", "telemetry.sdk.language": "go"}},
		"attributes": {map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.instance.id=b%2Cc,team=blue"},
			map[string]string{"service.name": "a", "service.instance.id": "b,c", "team": "blue", "vitrine.component": "shop"}},
		"service name": {map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "b"},
			map[string]string{"service.name": "b"}},
		"malformed": {map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "good=1,bad"}, map[string]string{"good": "1", "service.name": "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := resource(t, tc.env)
			for k, v := range tc.want {
				if got[k] != v {
					t.Errorf("%s is %q, want %q", k, got[k], v)
				}
			}
			if (name == "malformed") != strings.Contains(got["said"], "OTEL_RESOURCE_ATTRIBUTES") {
				t.Errorf("said %q", got["said"])
			}
			for _, k := range []string{"service.instance.id", "host.name", "process.executable.name"} {
				if got[k] == "" {
					t.Errorf("%s is missing", k)
				}
			}
			if got["process.command_args"] != "" || got["process.command_line"] != "" {
				t.Error("the command line, which may hold secrets, is exported")
			}
		})
	}
}

// A collector that is dead, refuses or does not answer delays no request; losses are counted and logged once.
func TestBadCollector(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) string{
		"refusing": func(t *testing.T) string { c := otlptest.New(t); c.Refuse(); return c.URL },
		"silent":   func(t *testing.T) string { c := otlptest.New(t); c.Silence(); return c.URL },
		"dead":     func(*testing.T) string { return "http://127.0.0.1:1" },
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			tel := newExporting(t, &said, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": start(t),
				"OTEL_BSP_MAX_QUEUE_SIZE":     "8",
				"OTEL_BLRP_MAX_QUEUE_SIZE":    "8",
			})
			for range 100 {
				serveOneRequest(t, tel)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			_ = tel.Shutdown(ctx)
			lost := map[string]int64{}
			for _, d := range tel.Dropped() {
				lost[d.Signal] += d.Count
			}
			if lost["traces"] != 100 || lost["logs"] != 100 {
				t.Errorf("lost %v, want 100 traces and 100 logs", lost)
			}
			for _, signal := range []string{"traces", "logs"} {
				// Once at the begin, and once at the end with the rest.
				if n := strings.Count(said.String(), "signal="+signal); n < 1 || n > 3 {
					t.Errorf("losses of %s were said %d times:\n%s", signal, n, said.String())
				}
			}
		})
	}
}

// No secret in headers, queries, URLs, arguments or errors is exported.
func TestSecrets(t *testing.T) {
	const secret = "s3cr3t-value"
	c := otlptest.New(t)
	var said bytes.Buffer
	tel := newExporting(t, &said, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL})
	w := &workload.Spec{Name: "shop", Components: []workload.Component{{
		Name: "shop", Environment: map[string]string{"TOKEN": secret}, Config: map[string]string{"password": secret}, Args: []string{secret},
	}}}
	b := &harness{Telemetry: tel, t: t, spec: w, interceptor: tel.Component(w, &w.Components[0])}
	r := get("/x?token=" + secret + "&items=1")
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Cookie", "session="+secret)
	r.URL.User = url.UserPassword("bob", secret)
	b.serve(&request{r: r, route: "/x", status: 500}, func(ctx context.Context) error {
		_, err := b.bind(handleEdge).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
			out := &outRequest{"GET", &url.URL{Scheme: "http", User: url.UserPassword("u", secret), Host: "a.example", Path: "/", RawQuery: "api_key=" + secret},
				http.Header{"Authorization": {secret}}}
			b.bind(outEdge).cross(ctx, resourceArg(out), func(ctx context.Context) (cm.Val, error) {
				cm.CallFrom(ctx).Hold()(nil, &url.Error{Op: "Get", URL: out.u.String(), Err: context.DeadlineExceeded})
				return cm.OKVal(cm.U32Val(1)), nil
			})
			return b.bind(customEdge).cross(ctx, []cm.Val{cm.StringVal(secret)}, func(context.Context) (cm.Val, error) {
				return cm.Val{}, cm.Trapf(cm.TrapHost, "dial postgres://u:%s@db/x?password=%s", secret, secret)
			})
		})
		return err
	})
	_, end := cm.Begin(context.Background(), b.interceptor, &cm.Operation{Name: "artifact read", Attrs: []cm.Attr{
		{Key: "source", Value: "https://u:" + secret + "@registry.example/x?sig=" + secret}, {Key: "password", Value: secret}}})
	end(nil)
	log := slog.New(tel.LogHandler())
	log.Warn("cannot fetch https://u:"+secret+"@h/?token="+secret, "token", secret, slog.Group("http", "authorization", secret))
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.Spans()) < 4 || len(c.Metrics()) == 0 || len(c.Records()) < 2 {
		t.Fatalf("received %d spans, %d metrics, %d records", len(c.Spans()), len(c.Metrics()), len(c.Records()))
	}
	for name, text := range map[string]string{"wire": c.Wire(), "messages": said.String()} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s holds the secret: …%s…", name, text[max(0, i-200):min(len(text), i+50)])
		}
	}
	if !strings.Contains(c.Wire(), "REDACTED") {
		t.Error("nothing was redacted")
	}
}

// Trees need no exporter.
func TestTraceTree(t *testing.T) {
	var out, said bytes.Buffer
	tel, err := New(t.Context(), Config{Getenv: vars(nil), TraceTree: &out, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	serveOneRequest(t, tel)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\nshop wasi:http/incoming-handler@0.2.0#handle  ") || !strings.Contains(out.String(), "(guest 1.00ms, host 1.00µs, wait 0ns)") {
		t.Errorf("tree:\n%s", out.String())
	}
	if said.Len() > 0 {
		t.Errorf("said %s", said.String())
	}
}
