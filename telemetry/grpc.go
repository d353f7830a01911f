package telemetry

import (
	"net/http"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// What the spans of HTTP say of the call by gRPC that a request is (semantic conventions, rpc/grpc.md).
var (
	attrRPCSystem     = span.NewKey(semconv.RPCSystemNameKey)
	attrRPCMethod     = span.NewKey(semconv.RPCMethodKey)
	attrRPCStatus     = span.NewKey(semconv.RPCResponseStatusCodeKey)
	attrRPCStatusCode = span.NewKey("rpc.grpc.status_code")
)

// rpcRequest sets the attributes of a call by gRPC on a span that is being opened.
func rpcRequest(s *span.Span, path string) {
	s.Str(attrRPCSystem, semconv.RPCSystemNameGRPC.Value.AsString())
	if method := grpchttp.Method(path); method != "" {
		s.Str(attrRPCMethod, method)
	}
}

// rpcStatus is the status of a call by gRPC; nil where none is known.
type rpcStatus struct{ code grpchttp.Code }

func parseRPCStatus(s string) *rpcStatus {
	if c, ok := grpchttp.ParseStatus(s); ok {
		return &rpcStatus{c}
	}
	return nil
}

// statusAnswered is the status that an answer has in its trailers or its head.
func statusAnswered(s host.HTTPSubject) *rpcStatus {
	if a, ok := s.(host.HTTPAnswer); ok {
		return parseRPCStatus(a.HTTPAnswerField(grpchttp.Status))
	}
	return nil
}

// outgoingTrailers is an optional interface of an outgoing request: the trailers of an answer that has come to its end.
type outgoingTrailers interface {
	OutgoingTrailers() http.Header
}

// statusReceived is the status that the answer to a request has in its trailers or its head.
func statusReceived(req outgoing, resp *http.Response) *rpcStatus {
	if resp == nil {
		return nil
	}
	if t, ok := req.(outgoingTrailers); ok {
		if v := t.OutgoingTrailers().Get(grpchttp.Status); v != "" {
			return parseRPCStatus(v)
		}
	}
	return parseRPCStatus(resp.Header.Get(grpchttp.Status))
}

// describe sets the status on a span, which is locked.
func (r *rpcStatus) describe(s *span.Span) {
	if r != nil {
		s.Str(attrRPCStatus, r.code.String())
		s.Int(attrRPCStatusCode, int64(r.code))
	}
}
