// Package otlpstream receives OTLP over HTTP (protobuf) and passes spans and log records on as they come, for measurements of millions of
// them, which nobody can keep. What is on the wire beside them is tested with a real Collector (tests/collector).
package otlpstream

import (
	"compress/gzip"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver passes on what it receives. Make it with [Listen].
type Receiver struct {
	URL string // for OTEL_EXPORTER_OTLP_ENDPOINT

	server http.Server
	span   func(*tracepb.Span)
	record func(*logspb.LogRecord)
	bad    atomic.Int64
	again  atomic.Int64

	mu     sync.Mutex
	seen   map[[sha256.Size]byte]bool // the last bodies
	oldest [maxSeen][sha256.Size]byte // a ring of what seen has
	next   int
}

// maxSeen is of how many bodies the receiver knows that they came before.
const maxSeen = 4096

// Listen receives on a free loopback port, and calls span and record with all that comes, from several goroutines at once. Metrics are
// discarded, and so is a body that came before: an exporter whose request had no answer in time sends it again, as OTLP allows
// (OpenTelemetry Protocol Specification, "Duplicate Data"). Close it.
func Listen(span func(*tracepb.Span), record func(*logspb.LogRecord)) (*Receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{URL: "http://" + l.Addr().String(), span: span, record: record, seen: map[[sha256.Size]byte]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.traces)
	mux.HandleFunc("POST /v1/logs", r.logs)
	mux.HandleFunc("POST /", func(http.ResponseWriter, *http.Request) {})
	r.server.Handler = mux
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

// Close stops receiving.
func (r *Receiver) Close() error { return r.server.Close() }

// Bad is how many bodies were not OTLP.
func (r *Receiver) Bad() int64 { return r.bad.Load() }

// Again is how many bodies came a second time, and were discarded.
func (r *Receiver) Again() int64 { return r.again.Load() }

// first says whether a body has not come before.
func (r *Receiver) first(body []byte) bool {
	sum := sha256.Sum256(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[sum] {
		r.again.Add(1)
		return false
	}
	delete(r.seen, r.oldest[r.next])
	r.seen[sum], r.oldest[r.next] = true, sum
	r.next = (r.next + 1) % maxSeen
	return true
}

func (r *Receiver) traces(w http.ResponseWriter, req *http.Request) {
	var msg coltrace.ExportTraceServiceRequest
	if !r.read(w, req, &msg) {
		return
	}
	for _, rs := range msg.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				r.span(s)
			}
		}
	}
}

func (r *Receiver) logs(w http.ResponseWriter, req *http.Request) {
	var msg collogs.ExportLogsServiceRequest
	if !r.read(w, req, &msg) {
		return
	}
	for _, rl := range msg.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, l := range sl.LogRecords {
				r.record(l)
			}
		}
	}
}

// read reads a message, and says whether it is good and new.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request, to proto.Message) bool {
	var body io.Reader = req.Body
	var err error
	if req.Header.Get("Content-Encoding") == "gzip" {
		body, err = gzip.NewReader(req.Body)
	}
	var b []byte
	if err == nil {
		b, err = io.ReadAll(body)
	}
	if err == nil {
		err = proto.Unmarshal(b, to)
	}
	if err != nil {
		r.bad.Add(1)
		w.WriteHeader(http.StatusBadRequest)
		return false
	}
	return r.first(b)
}
