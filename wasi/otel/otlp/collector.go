package otlp

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// Endpoint is what OTEL_EXPORTER_OTLP_ENDPOINT is for guests, Protocol what OTEL_EXPORTER_OTLP_PROTOCOL is.
const (
	Endpoint = "http://" + otel.CollectorHost
	Protocol = "http/protobuf"
)

// Bounds of what requests hold in memory.
const (
	// MaxBody bounds a body in bytes, as it is sent and as it is once it is decompressed.
	MaxBody = 4 << 20
	// maxHeld bounds the bodies of all requests of a component that are under way.
	maxHeld = 4 * MaxBody
)

// Collector takes the OTLP requests of one component. Safe for concurrent use.
type Collector struct {
	sink otel.Sink
	held atomic.Int64 // bytes of bodies
}

// New makes a collector whose records a sink takes; nil drops them. An [otel.Importer] says what became of them; any other takes all.
func New(sink otel.Sink) *Collector {
	if sink == nil {
		sink = otel.Discard
	}
	return &Collector{sink: sink}
}

// Server makes the handler of one request: the records belong to the task in ctx, which is that of a host function. Server is called on
// that function's goroutine; the handler may be used on any.
func (c *Collector) Server(ctx context.Context) http.Handler {
	task := c.sink.Detach(ctx)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(task, w, r) })
}

// signal is traces, metrics or logs.
type signal struct {
	request  *message
	take     func(ctx context.Context, im otel.Importer, body []byte) outcome
	rejected string // how JSON names the number of records that were not taken
}

var signals = map[string]*signal{
	"/v1/traces":  {request: otlp.traceRequest, take: takeSpans, rejected: "rejectedSpans"},
	"/v1/metrics": {request: otlp.metricsRequest, take: takeMetrics, rejected: "rejectedDataPoints"},
	"/v1/logs":    {request: otlp.logsRequest, take: takeLogs, rejected: "rejectedLogRecords"},
}

// serve answers a request (OTLP §OTLP/HTTP Request and Response).
func (c *Collector) serve(task context.Context, w http.ResponseWriter, r *http.Request) {
	s := signals[r.URL.Path]
	if s == nil {
		http.Error(w, "there are /v1/traces, /v1/metrics and /v1/logs", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "telemetry is sent by POST", http.StatusMethodNotAllowed)
		return
	}
	enc, ok := encodingOf(r.Header.Get("Content-Type"))
	if !ok {
		http.Error(w, "the content type is neither application/x-protobuf nor application/json", http.StatusUnsupportedMediaType)
		return
	}
	hold := &holding{of: &c.held}
	defer hold.release()
	body, err := s.body(r, enc, hold)
	if err != nil {
		refuse(w, enc, err)
		return
	}
	out := s.take(task, otel.ImporterOf(c.sink), body)
	if out.taken == 0 && errors.Is(out.why, otel.ErrBusy) {
		refuse(w, enc, &refusal{http.StatusTooManyRequests, out.why})
		return
	}
	s.accept(w, enc, out)
}

// encoding is that of a body and of its answer.
type encoding string

const (
	protobuf encoding = "application/x-protobuf"
	jsonText encoding = "application/json"
)

func encodingOf(contentType string) (encoding, bool) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return "", false
	}
	switch e := encoding(strings.ToLower(kind)); e {
	case protobuf, jsonText:
		return e, true
	}
	return "", false
}

// outcome is what became of a request's records.
type outcome struct {
	taken, rejected int
	why             error // why the first that were rejected were
}

// note counts n records, and says whether the ones after them are looked at: not if they have come to a limit.
func (o *outcome) note(n, rejected int, err error) bool {
	o.taken += n - rejected
	if err == nil {
		return true
	}
	o.rejected += rejected
	if o.why == nil {
		o.why = err
	}
	return errors.Is(err, otel.ErrInvalid)
}

// one counts a record.
func (o *outcome) one(err error) bool {
	if err != nil {
		return o.note(1, 1, err)
	}
	return o.note(1, 0, nil)
}

// records takes a request's records one after the other.
func records(request *message, body []byte, take func(*otel.Resource, *otel.Scope, []byte) error) (out outcome) {
	goOn := true
	each(request, body, func(r *otel.Resource, s *otel.Scope, b []byte) bool {
		if goOn {
			goOn = out.one(take(r, s, b))
		} else {
			out.rejected++
		}
		return true
	})
	return out
}

func takeSpans(ctx context.Context, im otel.Importer, body []byte) outcome {
	return records(otlp.traceRequest, body, func(r *otel.Resource, s *otel.Scope, b []byte) error {
		span := spanOf(b)
		span.Resource, span.Scope = r, *s
		return im.ImportSpan(ctx, span)
	})
}

func takeLogs(ctx context.Context, im otel.Importer, body []byte) outcome {
	return records(otlp.logsRequest, body, func(r *otel.Resource, s *otel.Scope, b []byte) error {
		record := logOf(b)
		record.Resource, record.Scope = r, s
		return im.ImportLog(ctx, record)
	})
}

func takeMetrics(ctx context.Context, im otel.Importer, body []byte) (out outcome) {
	goOn := true
	for _, v := range otlp.metricsRequest.values(body) {
		r := metricsReader{room: maxMetrics}
		m := r.resource(v.bytes)
		if r.why != nil {
			out.note(r.rejected, r.rejected, r.why)
		}
		n := m.Points()
		if !goOn {
			out.rejected += n
			continue
		}
		rejected, err := im.ImportMetrics(ctx, m)
		goOn = out.note(n, rejected, err)
	}
	return out
}
