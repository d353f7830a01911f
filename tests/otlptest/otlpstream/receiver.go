// Package otlpcount receives OTLP over HTTP (protobuf) and counts spans, for measurements of millions of spans in which a real
// Collector would be the bottleneck. The content of spans is tested with a real Collector (tests/collector).
package otlpcount

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver counts the received spans. Safe for concurrent use.
type Receiver struct {
	URL    string
	server http.Server

	mu      sync.Mutex
	spans   int
	servers map[[16]byte]int // trace id → SERVER spans in it
	bad     int
}

// NewReceiver listens on a free loopback port. Close it.
func NewReceiver() (*Receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{URL: "http://" + l.Addr().String(), servers: map[[16]byte]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.traces)
	mux.HandleFunc("POST /", func(http.ResponseWriter, *http.Request) {})
	r.server.Handler = mux
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

// Close stops receiving.
func (r *Receiver) Close() error { return r.server.Close() }

// Counts are the spans, the traces with a SERVER span, and the bodies that were not OTLP.
func (r *Receiver) Counts() (spans, traces, bad int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans, len(r.servers), r.bad
}

func (r *Receiver) traces(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(req.Body)
		if err != nil {
			r.refuse(w)
			return
		}
		body = zr
	}
	b, err := io.ReadAll(body)
	var msg collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(b, &msg) != nil {
		r.refuse(w)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range msg.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				r.spans++
				if s.Kind == trace.Span_SPAN_KIND_SERVER {
					r.servers[[16]byte(s.TraceId)]++
				}
			}
		}
	}
}

func (r *Receiver) refuse(w http.ResponseWriter) {
	r.mu.Lock()
	r.bad++
	r.mu.Unlock()
	w.WriteHeader(http.StatusBadRequest)
}
