package e2e

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	corev1 "k8s.io/api/core/v1"

	"github.com/vitrine-wasm/vitrine/operator/internal/controller"
	"github.com/vitrine-wasm/vitrine/operator/internal/manage"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// ociRegistry is a registry in this process.
type ociRegistry struct {
	*httptest.Server
	c *cluster
}

func newRegistry(c *cluster) (*ociRegistry, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}}
	s.Start()
	return &ociRegistry{s, c}, nil
}

// push brings a component there, by vitrine itself, and returns its reference.
func (r *ociRegistry) push(file, name string) (string, error) {
	ref := strings.TrimPrefix(r.URL, "http://") + "/" + name
	cmd := exec.Command(r.c.vitrine, "push", file, ref)
	cmd.Env = append(os.Environ(), "VITRINE_CACHE_DIR="+r.c.dir+"/cache")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("push: %w\n%s", err, out)
	}
	return ref, nil
}

// operatorProcess is the operator, in this process, with the rights of its own account.
type operatorProcess struct {
	cancel context.CancelFunc
	done   chan error
	calls  atomic.Int64 // requests to the API server
	log    tail

	collector atomic.Pointer[url.URL] // of the test that wants telemetry; nil: none does
	sink      *httptest.Server
	tracing   *sdktrace.TracerProvider
}

func startOperator(c *cluster) (*operatorProcess, error) {
	o := &operatorProcess{done: make(chan error, 1)}
	o.sink = httptest.NewServer(http.HandlerFunc(o.receive))
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(o.sink.URL+"/v1/traces"))
	if err != nil {
		return nil, err
	}
	o.tracing = sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "vitrine-operator"))))
	config := c.config("system:serviceaccount:vitrine-system:vitrine-operator")
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			o.calls.Add(1)
			return next.RoundTrip(r)
		})
	})
	logger := slog.New(slog.NewTextHandler(&o.log, nil))
	m, err := manage.New(config, manage.Options{Health: "0", Metrics: "0", Reconciler: &controller.Reconciler{HostsNamespace: hostsNamespace, Log: logger, Tracer: controller.NewTracer(o.tracing.Tracer("test")), Config: pods.Config{
		Image: "vitrine:test", Environment: []corev1.EnvVar{{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: o.sink.URL}, {Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Value: "http/protobuf"}},
	}}})
	if err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, o.cancel = context.WithCancel(context.Background())
	go func() { o.done <- m.Start(ctx) }()
	return o, nil
}

// collect has a collector get the telemetry of operator, pods and hosts until the test ends.
func (c *cluster) collect(t *testing.T) *otlptest.Collector {
	t.Helper()
	collector := otlptest.New(t)
	to, err := url.Parse(collector.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.operator.collector.Store(to)
	t.Cleanup(func() { c.operator.collector.Store(nil) })
	return collector
}

// receive hands telemetry to the collector of the test that runs, if it has one.
func (o *operatorProcess) receive(w http.ResponseWriter, r *http.Request) {
	if to := o.collector.Load(); to != nil {
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
}

func (o *operatorProcess) stop() {
	o.cancel()
	<-o.done
	_ = o.tracing.Shutdown(context.Background())
	o.sink.Close()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
