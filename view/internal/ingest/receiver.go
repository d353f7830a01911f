package ingest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // requests may be compressed
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/forward"
	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// Bounds of a receiver.
const (
	MaxRequest  = 16 << 20 // bytes of a request, uncompressed
	maxRequests = 8        // requests that are being read at once; others are refused, and their senders try again
)

// Receiver takes OTLP from other programs into a store. Safe for concurrent use.
type Receiver struct {
	to     *store.Store
	onward *forward.Forwarder // gets what was taken, too; nil: nobody does
	busy   chan struct{}

	losses losses
}

// NewReceiver makes a receiver. The caller keeps ownership of the store, and of the forwarder, which may be nil.
func NewReceiver(to *store.Store, onward *forward.Forwarder) *Receiver {
	return &Receiver{to: to, onward: onward, busy: make(chan struct{}, maxRequests)}
}

// errBusy says that a sender has to try again.
var errBusy = errors.New("too many requests at once: try again")

// Import stores a message with OTLP's data of any signal as JSON: TracesData, LogsData or MetricsData, as a file has it.
func (r *Receiver) Import(text []byte) error {
	found := false
	for _, kind := range []struct {
		key    string
		signal *signal
		empty  func() proto.Message
	}{
		{"resourceSpans", traces, func() proto.Message { return &coltrace.ExportTraceServiceRequest{} }},
		{"resourceLogs", logs, func() proto.Message { return &collogs.ExportLogsServiceRequest{} }},
		{"resourceMetrics", metrics, func() proto.Message { return &colmetrics.ExportMetricsServiceRequest{} }},
	} {
		if !strings.Contains(string(text), `"`+kind.key+`"`) {
			continue
		}
		found = true
		m := kind.empty()
		if err := otlpjson.Unmarshal(text, m); err != nil {
			return err
		}
		b, err := proto.Marshal(m)
		if err != nil {
			return err
		}
		var batch store.Batch
		told, err := kind.signal.read(&batch, b, false)
		if err != nil {
			return err
		}
		r.losses.cut(kind.signal, &told)
		if err := r.to.Append(&batch); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("not OTLP: there is no resourceSpans, resourceLogs or resourceMetrics in it")
	}
	return nil
}

// take stores an encoded request, and has it sent on. One that was sent on is not refused though it could not be stored: its sender would send
// it again.
func (r *Receiver) take(s *signal, request []byte, hops string) (rejected int, err error) {
	if r.onward != nil && r.onward.Loops(hops) {
		return 0, forward.ErrLoop
	}
	var b store.Batch
	told, err := s.read(&b, request, false)
	if err != nil {
		return 0, err
	}
	r.losses.cut(s, &told)
	items := len(b.Spans) + len(b.Logs) + len(b.Points)
	if err = r.to.Append(&b); err != nil {
		r.losses.add(s, reasonUnstored, items)
	}
	if r.onward != nil && items > 0 && r.onward.Take(forward.Signal(s.path), request, items, hops) {
		err = nil
	}
	return told.rejected, err
}

// enter says whether there is room for one more request.
func (r *Receiver) enter() bool {
	select {
	case r.busy <- struct{}{}:
		return true
	default:
		return false
	}
}

func (r *Receiver) leave() { <-r.busy }

// ServeHTTP takes requests to paths that end with v1/traces, v1/logs and v1/metrics, protobuf or JSON, plain or gzip.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "want POST", http.StatusMethodNotAllowed)
		return
	}
	kind, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if kind != "application/x-protobuf" && kind != "application/json" {
		http.Error(w, "want Content-Type application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
		return
	}
	if !r.enter() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, errBusy.Error(), http.StatusTooManyRequests)
		return
	}
	defer r.leave()
	body, code, err := readBody(w, q)
	if err != nil {
		http.Error(w, err.Error(), code)
		return
	}
	s := byName(q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:])
	if kind == "application/json" {
		if body, err = fromJSON(s, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	rejected, err := r.take(s, body, q.Header.Get(forward.HopHeader))
	switch {
	case errors.Is(err, forward.ErrLoop):
		http.Error(w, err.Error(), http.StatusLoopDetected)
		return
	case errors.Is(err, errMessage):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "cannot store: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, kind, s, rejected)
}

// readBody reads a request's body within bounds. code is the status for an error.
func readBody(w http.ResponseWriter, q *http.Request) (body []byte, code int, err error) {
	var in io.Reader = http.MaxBytesReader(w, q.Body, MaxRequest)
	switch q.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("not gzip: %w", err)
		}
		in = io.LimitReader(z, MaxRequest+1)
	default:
		return nil, http.StatusUnsupportedMediaType, errors.New("want Content-Encoding gzip, or none")
	}
	body, err = io.ReadAll(in)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) || len(body) > MaxRequest:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("a request may have %d bytes: send smaller batches", MaxRequest)
	case err != nil:
		return nil, http.StatusBadRequest, err
	}
	return body, 0, nil
}

func fromJSON(s *signal, text []byte) ([]byte, error) {
	m := map[*signal]proto.Message{traces: &coltrace.ExportTraceServiceRequest{}, logs: &collogs.ExportLogsServiceRequest{}, metrics: &colmetrics.ExportMetricsServiceRequest{}}[s]
	if err := otlpjson.Unmarshal(text, m); err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}

// response is a signal's response, with a partial success if a part was rejected.
func response(s *signal, rejected int) proto.Message {
	n, why := int64(rejected), "they are no "+s.name+", or are too large"
	switch {
	case s == traces && rejected > 0:
		return &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: n, ErrorMessage: why}}
	case s == traces:
		return &coltrace.ExportTraceServiceResponse{}
	case s == logs && rejected > 0:
		return &collogs.ExportLogsServiceResponse{PartialSuccess: &collogs.ExportLogsPartialSuccess{RejectedLogRecords: n, ErrorMessage: why}}
	case s == logs:
		return &collogs.ExportLogsServiceResponse{}
	case rejected > 0:
		return &colmetrics.ExportMetricsServiceResponse{PartialSuccess: &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: n, ErrorMessage: why}}
	}
	return &colmetrics.ExportMetricsServiceResponse{}
}

func answer(w http.ResponseWriter, kind string, s *signal, rejected int) {
	m := response(s, rejected)
	w.Header().Set("Content-Type", kind)
	if kind == "application/json" {
		_, _ = w.Write(otlpjson.Append(nil, m))
		return
	}
	b, _ := proto.Marshal(m) // a message that was just made
	_, _ = w.Write(b)
}

// NewGRPC makes a server of OTLP's three services, which the caller serves and stops.
func (r *Receiver) NewGRPC() *grpc.Server {
	s := grpc.NewServer(grpc.MaxRecvMsgSize(MaxRequest), grpc.MaxConcurrentStreams(2*maxRequests))
	coltrace.RegisterTraceServiceServer(s, traceService{r: r})
	collogs.RegisterLogsServiceServer(s, logService{r: r})
	colmetrics.RegisterMetricsServiceServer(s, metricService{r: r})
	return s
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
	r *Receiver
}

type logService struct {
	collogs.UnimplementedLogsServiceServer
	r *Receiver
}

type metricService struct {
	colmetrics.UnimplementedMetricsServiceServer
	r *Receiver
}

// Export implements OTLP.
func (s traceService) Export(ctx context.Context, q *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	m, err := s.r.call(ctx, traces, q)
	if err != nil {
		return nil, err
	}
	return m.(*coltrace.ExportTraceServiceResponse), nil
}

// Export implements OTLP.
func (s logService) Export(ctx context.Context, q *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	m, err := s.r.call(ctx, logs, q)
	if err != nil {
		return nil, err
	}
	return m.(*collogs.ExportLogsServiceResponse), nil
}

// Export implements OTLP.
func (s metricService) Export(ctx context.Context, q *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	m, err := s.r.call(ctx, metrics, q)
	if err != nil {
		return nil, err
	}
	return m.(*colmetrics.ExportMetricsServiceResponse), nil
}

func (r *Receiver) call(ctx context.Context, s *signal, q proto.Message) (proto.Message, error) {
	if !r.enter() {
		return nil, status.Error(codes.Unavailable, errBusy.Error())
	}
	defer r.leave()
	b, err := proto.Marshal(q)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	head, _ := metadata.FromIncomingContext(ctx)
	rejected, err := r.take(s, b, strings.Join(head.Get(forward.HopHeader), ","))
	switch {
	case errors.Is(err, forward.ErrLoop):
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, errMessage):
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case err != nil:
		return nil, status.Error(codes.Unavailable, "cannot store: "+err.Error())
	}
	return response(s, rejected), nil
}
