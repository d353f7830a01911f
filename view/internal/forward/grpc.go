package forward

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// methods are the calls of OTLP's services.
var methods = map[Signal]string{
	Traces:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	Logs:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	Metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}

// overGRPC sends by OTLP/gRPC.
type overGRPC struct {
	conn    *grpc.ClientConn
	headers map[string]string
}

func newGRPC(to *url.URL, headers map[string]string) (*overGRPC, error) {
	secure := insecure.NewCredentials()
	if to.Scheme == "grpcs" {
		secure = credentials.NewTLS(nil)
	}
	if to.Path != "" && to.Path != "/" {
		return nil, fmt.Errorf("%q: want no path, which gRPC has not", to.String())
	}
	conn, err := grpc.NewClient(Address(to.String()), grpc.WithTransportCredentials(secure), grpc.WithDefaultCallOptions(grpc.ForceCodec(encoded{}), grpc.MaxCallSendMsgSize(math.MaxInt32)))
	if err != nil {
		return nil, err
	}
	return &overGRPC{conn, headers}, nil
}

func (s *overGRPC) close() error { return s.conn.Close() }

// encoded is a codec for messages that are encoded: *[]byte.
type encoded struct{}

// Name implements encoding.Codec: what is sent is protobuf.
func (encoded) Name() string { return "proto" }

// Marshal implements encoding.Codec.
func (encoded) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

// Unmarshal implements encoding.Codec.
func (encoded) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// attempt implements sender. OTLP/gRPC, "Failures", says which codes may be tried again.
func (s *overGRPC) attempt(ctx context.Context, r *request) (rejected int, err error) {
	for name, value := range s.headers {
		ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(name), value)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(HopHeader), r.hops)
	var answer []byte
	err = s.conn.Invoke(ctx, methods[r.signal], &r.body, &answer)
	if err == nil {
		return partial(answer), nil
	}
	said := status.Convert(err)
	out := &failure{err: fmt.Errorf("the receiver answers %s: %.200s", said.Code(), said.Message()), after: retryInfo(said)}
	switch said.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		out.again = true
	case codes.ResourceExhausted: // only if the receiver says when it will have recovered
		out.again = out.after > 0
	}
	return 0, out
}

// retryInfo is the delay that a status asks for by google.rpc.RetryInfo; 0: it asks for none.
func retryInfo(s *status.Status) time.Duration {
	for _, d := range s.Proto().GetDetails() {
		if strings.HasSuffix(d.GetTypeUrl(), "/google.rpc.RetryInfo") {
			delay := bytesOf(d.GetValue(), 1) // a google.protobuf.Duration
			seconds := min(varintOf(delay, 1), int64(patience/time.Second)+1)
			return time.Duration(seconds)*time.Second + time.Duration(min(varintOf(delay, 2), 999_999_999))
		}
	}
	return 0
}
