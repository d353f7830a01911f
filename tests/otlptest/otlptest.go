// Package otlptest is a collector for tests: it receives OTLP over HTTP and gRPC on loopback, stores it, and can refuse
// requests or not respond. It checks nothing; tests/collector tests with a real Collector.
package otlptest

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Collector receives and stores OTLP. Safe for concurrent use.
type Collector struct {
	URL  string // for OTEL_EXPORTER_OTLP_ENDPOINT over HTTP
	GRPC string // the same for gRPC

	mu       sync.Mutex
	traces   []*tracepb.ResourceSpans
	metrics  []*metricspb.ResourceMetrics
	logs     []*logspb.ResourceLogs
	requests int
	refuse   bool
	silent   chan struct{} // not nil: requests wait until it is closed
	wire     []byte        // all request bodies, decoded to the text of their messages
}

// New starts a collector that ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	srv := httptest.NewServer(http.HandlerFunc(c.serve))
	c.URL = srv.URL
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := server(func() *Collector { return c })
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l)
	}()
	c.GRPC = "http://" + l.Addr().String()
	t.Cleanup(func() {
		c.Answer()
		srv.CloseClientConnections()
		srv.Close()
		g.Stop()
		<-done
	})
	return c
}

// Refuse makes the collector respond to each request with an error that must not be retried.
func (c *Collector) Refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = true
}

// Silence makes requests wait until Answer.
func (c *Collector) Silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent == nil {
		c.silent = make(chan struct{})
	}
}

// Answer ends Silence.
func (c *Collector) Answer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent != nil {
		close(c.silent)
		c.silent = nil
	}
}

// Requests is the number of requests so far.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Wire is everything that was received as text, to be searched for secrets.
func (c *Collector) Wire() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.wire)
}

// Traces, Metrics and Logs are the received data, in order.
func (c *Collector) Traces() []*tracepb.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*tracepb.ResourceSpans(nil), c.traces...)
}

// Metrics are the metrics received, in order.
func (c *Collector) Metrics() []*metricspb.ResourceMetrics {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*metricspb.ResourceMetrics(nil), c.metrics...)
}

// Logs are the log records received, in order.
func (c *Collector) Logs() []*logspb.ResourceLogs {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*logspb.ResourceLogs(nil), c.logs...)
}

// Spans are all spans received.
func (c *Collector) Spans() []*tracepb.Span {
	var out []*tracepb.Span
	for _, r := range c.Traces() {
		for _, s := range r.ScopeSpans {
			out = append(out, s.Spans...)
		}
	}
	return out
}

// Records are all log records received.
func (c *Collector) Records() []*logspb.LogRecord {
	var out []*logspb.LogRecord
	for _, r := range c.Logs() {
		for _, s := range r.ScopeLogs {
			out = append(out, s.LogRecords...)
		}
	}
	return out
}

// accept counts a request and says whether it is not to be refused.
func (c *Collector) accept(ctx context.Context) bool {
	c.mu.Lock()
	c.requests++
	refuse, silent := c.refuse, c.silent
	c.mu.Unlock()
	if silent != nil {
		select {
		case <-silent:
		case <-ctx.Done():
			return false
		}
	}
	return !refuse
}

// store stores one request of any signal.
func (c *Collector) store(m proto.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, _ := protojson.Marshal(m) // a message that was just decoded
	c.wire = append(append(c.wire, text...), '\n')
	switch m := m.(type) {
	case *coltrace.ExportTraceServiceRequest:
		c.traces = append(c.traces, m.ResourceSpans...)
	case *colmetrics.ExportMetricsServiceRequest:
		c.metrics = append(c.metrics, m.ResourceMetrics...)
	case *collogs.ExportLogsServiceRequest:
		c.logs = append(c.logs, m.ResourceLogs...)
	}
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request) {
	var req, resp proto.Message
	switch r.URL.Path {
	case "/v1/traces":
		req, resp = &coltrace.ExportTraceServiceRequest{}, &coltrace.ExportTraceServiceResponse{}
	case "/v1/metrics":
		req, resp = &colmetrics.ExportMetricsServiceRequest{}, &colmetrics.ExportMetricsServiceResponse{}
	case "/v1/logs":
		req, resp = &collogs.ExportLogsServiceRequest{}, &collogs.ExportLogsServiceResponse{}
	default:
		http.NotFound(w, r)
		return
	}
	body, err := read(r)
	if err == nil {
		err = proto.Unmarshal(body, req)
	}
	if err != nil || !c.accept(r.Context()) {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	c.store(req)
	out, _ := proto.Marshal(resp) // an empty message
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// server is a gRPC server whose requests the collector takes that is current when they come.
func server(current func() *Collector, opts ...grpc.ServerOption) *grpc.Server {
	g := grpc.NewServer(opts...)
	coltrace.RegisterTraceServiceServer(g, traceService{current: current})
	colmetrics.RegisterMetricsServiceServer(g, metricsService{current: current})
	collogs.RegisterLogsServiceServer(g, logsService{current: current})
	return g
}

func (c *Collector) take(ctx context.Context, m proto.Message) error {
	if c == nil {
		return status.Error(codes.FailedPrecondition, "no test is running")
	}
	if !c.accept(ctx) {
		return status.Error(codes.InvalidArgument, "refused")
	}
	c.store(m)
	return nil
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
	current func() *Collector
}

// Export receives spans.
func (s traceService) Export(ctx context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return &coltrace.ExportTraceServiceResponse{}, s.current().take(ctx, r)
}

type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer
	current func() *Collector
}

// Export receives metrics.
func (s metricsService) Export(ctx context.Context, r *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return &colmetrics.ExportMetricsServiceResponse{}, s.current().take(ctx, r)
}

type logsService struct {
	collogs.UnimplementedLogsServiceServer
	current func() *Collector
}

// Export receives log records.
func (s logsService) Export(ctx context.Context, r *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	return &collogs.ExportLogsServiceResponse{}, s.current().take(ctx, r)
}
