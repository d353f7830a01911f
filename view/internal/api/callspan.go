package api

import (
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// callSpan is what a map of services needs of a span.
type callSpan struct {
	id, parent, service string
	peer                string // whom a client calls, as far as it says
	client, server      bool   // it calls another, it was called by another
	failed              bool
	seconds             float64
}

// peers are the attributes that say whom a client calls, the best first.
var peers = []string{"service.peer.name", "peer.service", "db.system.name", "messaging.system", "server.address"}

func readCallSpan(r store.Record) (one callSpan, ok bool) {
	var x tracepb.Span
	if proto.Unmarshal(r.Encoded, &x) != nil {
		return one, false
	}
	one = callSpan{
		id: string(x.GetSpanId()), parent: string(x.GetParentSpanId()), service: r.Source.Service,
		client: x.GetKind() == tracepb.Span_SPAN_KIND_CLIENT || x.GetKind() == tracepb.Span_SPAN_KIND_PRODUCER,
		server: x.GetKind() == tracepb.Span_SPAN_KIND_SERVER || x.GetKind() == tracepb.Span_SPAN_KIND_CONSUMER,
		failed: x.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
	}
	if end, start := x.GetEndTimeUnixNano(), x.GetStartTimeUnixNano(); end > start {
		one.seconds = float64(end-start) / 1e9
	}
	best := len(peers)
	for _, kv := range x.GetAttributes() {
		for i, key := range peers[:best] {
			v, text := kv.GetValue().GetValue().(*commonpb.AnyValue_StringValue)
			if text && kv.GetKey() == key && strings.TrimSpace(v.StringValue) != "" {
				best, one.peer = i, cut(v.StringValue)
			}
		}
	}
	return one, true
}
