package api

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// Bounds of what is shown of spans in flight: of those that are looked at, and of those that events tell of.
const (
	maxInFlight = 5000
	maxTold     = 100
)

// inFlight answers with the spans that have begun and have not ended, as OTLP JSON without end times; ?trace= has those of one trace.
func (s *server) inFlight(w http.ResponseWriter, r *http.Request) {
	var only store.TraceID
	if text := r.URL.Query().Get("trace"); text != "" {
		id, err := store.ParseTraceID(text)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		only = id
	}
	var all []sdktrace.ReadOnlySpan
	if s.InFlight != nil {
		count := 0
		if all, count = s.InFlight(maxInFlight); count > len(all) && len(all) >= maxInFlight {
			w.Header().Set("Vitrine-Omitted-Spans", strconv.Itoa(count-len(all))) // of any trace: they were not looked at
		}
	}
	if only != (store.TraceID{}) {
		all = slices.DeleteFunc(all, func(x sdktrace.ReadOnlySpan) bool { return x.SpanContext().TraceID() != [16]byte(only) })
	}
	begun, err := ingest.Unended(r.Context(), all)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, r, otlpjson.Append(nil, &tracepb.TracesData{ResourceSpans: begun}))
}

// appendInFlight writes what events tell of spans in flight: how many there are, and those that have gone on longest.
func (s *server) appendInFlight(b []byte) []byte {
	all, count := s.InFlight(maxInFlight)
	slices.SortFunc(all, func(a, b sdktrace.ReadOnlySpan) int {
		x, y := a.SpanContext().SpanID(), b.SpanContext().SpanID()
		return cmp.Or(a.StartTime().Compare(b.StartTime()), bytes.Compare(x[:], y[:]))
	})
	o := object(nil)
	o.int("count", int64(count))
	if len(all) >= maxInFlight && count > len(all) { // those that have gone on longest may be among those that were not looked at
		o.bool("partial", true)
	}
	o.raw("spans", list(all[:min(len(all), maxTold)], func(b []byte, x sdktrace.ReadOnlySpan) []byte {
		o := object(nil)
		o.str("traceId", x.SpanContext().TraceID().String())
		o.str("spanId", x.SpanContext().SpanID().String())
		if p := x.Parent(); p.SpanID().IsValid() && !p.IsRemote() {
			o.str("parentSpanId", p.SpanID().String())
		}
		service, _ := x.Resource().Set().Value(semconv.ServiceNameKey)
		o.str("service", service.AsString())
		o.str("name", x.Name())
		o.time("start", x.StartTime().UnixNano())
		return append(b, o.end()...)
	}))
	return append(b, o.end()...)
}
