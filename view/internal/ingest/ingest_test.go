package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

func str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func pair(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: str(value)}
}

// request has spans of a service.
func request(service string, spans ...*tracepb.Span) *coltrace.ExportTraceServiceRequest {
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{pair("service.name", service)}},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "test"}, Spans: spans}},
	}}}
}

func span(trace, id byte) *tracepb.Span {
	return &tracepb.Span{
		TraceId: bytes.Repeat([]byte{trace}, 16), SpanId: bytes.Repeat([]byte{id}, 8), Name: "GET /", Kind: tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: uint64(time.Now().UnixNano()), EndTimeUnixNano: uint64(time.Now().UnixNano()) + 1e6,
		Attributes: []*commonpb.KeyValue{{Key: "http.response.status_code", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 503}}}},
		Status:     &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR},
	}
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func traceOf(n byte) (id store.TraceID) {
	copy(id[:], bytes.Repeat([]byte{n}, 16))
	return id
}

// stored is the one span of a trace as it was stored.
func stored(t *testing.T, s *store.Store, n byte) *tracepb.Span {
	t.Helper()
	records, _, err := s.Trace(t.Context(), traceOf(n), 9)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	out := &tracepb.Span{}
	if err := proto.Unmarshal(records[0].Encoded, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestProtocols: a span arrives by each of OTLP's protocols.
func TestProtocols(t *testing.T) {
	s := openStore(t)
	r := NewReceiver(s, nil)
	srv := httptest.NewServer(r)
	defer srv.Close()
	post := func(kind, encoding string, body []byte) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/v1/traces", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", kind)
		if encoding != "" {
			q.Header.Set("Content-Encoding", encoding)
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(b)
	}
	encode := func(n byte) []byte {
		b, err := proto.Marshal(request("shop", span(n, 1)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(encode(2)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for n, send := range []func() (int, string){
		func() (int, string) { return post("application/x-protobuf", "", encode(1)) },
		func() (int, string) { return post("application/x-protobuf", "gzip", zipped.Bytes()) },
		func() (int, string) {
			return post("application/json; charset=utf-8", "", otlpjson.Append(nil, request("shop", span(3, 1))))
		},
	} {
		if code, answer := send(); code != 200 {
			t.Errorf("request %d: %d %s", n+1, code, answer)
		}
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := r.NewGRPC()
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	defer func() { g.Stop(); <-done }()
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := coltrace.NewTraceServiceClient(c).Export(t.Context(), request("shop", span(4, 1)), grpc.UseCompressor("gzip")); err != nil {
		t.Error(err)
	}
	if _, err := collogs.NewLogsServiceClient(c).Export(t.Context(), &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: str("hello"), SeverityNumber: 9, TraceId: bytes.Repeat([]byte{4}, 16)}}}}}}}); err != nil {
		t.Error(err)
	}
	for n := byte(1); n <= 4; n++ {
		if got, want := stored(t, s, n), span(n, 1); got.Name != want.Name || !proto.Equal(got.Attributes[0], want.Attributes[0]) || got.Kind != want.Kind || !bytes.Equal(got.TraceId, want.TraceId) {
			t.Errorf("%d: %v", n, got)
		}
	}
	list, err := s.Traces(t.Context(), store.TraceQuery{Limit: 9})
	if err != nil || len(list.Traces) != 4 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, x := range list.Traces {
		if x.Service != "shop" || x.Status != 503 || x.Errors != 1 || !x.Failed || x.Duration() != 1e6 && x.Duration() < 1e6 {
			t.Errorf("%+v", x)
		}
	}
	if logs, err := s.Logs(t.Context(), store.LogQuery{Trace: traceOf(4), Text: []string{"hello"}, Limit: 2}); err != nil || len(logs) != 1 || logs[0].Source.Service != "unknown_service" {
		t.Errorf("%v, %v", logs, err)
	}

	for _, c := range []struct {
		name, kind, encoding string
		body                 []byte
		want                 int
	}{
		{"another type", "text/plain", "", nil, 415},
		{"another encoding", "application/json", "br", nil, 415},
		{"no gzip", "application/json", "gzip", []byte("x"), 400},
		{"no JSON", "application/json", "", []byte("{"), 400},
		{"no protobuf", "application/x-protobuf", "", []byte{0xff, 0xff}, 400},
		{"too large", "application/json", "", make([]byte, MaxRequest+1), 413},
		{"too large, zipped", "application/json", "gzip", bomb(t), 413},
		{"nothing", "application/x-protobuf", "", nil, 200},
	} {
		if code, answer := post(c.kind, c.encoding, c.body); code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, code, answer, c.want)
		}
	}
}

func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, 10*MaxRequest)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostile: what is no span is refused alone, and what is too much is cut.
func TestHostile(t *testing.T) {
	s := openStore(t)
	r := NewReceiver(s, nil)
	take := func(spans ...*tracepb.Span) int {
		t.Helper()
		b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(request("shop", spans...))
		if err != nil {
			t.Fatal(err)
		}
		n, err := r.take(traces, b, "")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}

	long := span(1, 1)
	long.Name = strings.Repeat("n", 1<<20)
	long.Attributes = append(long.Attributes, pair("long", strings.Repeat("v", 10<<20)))
	take(long)
	if got := stored(t, s, 1); len(got.Name) > maxText || len(got.Attributes[1].Value.GetStringValue()) > maxText {
		t.Errorf("a name of %d and a value of %d bytes are stored", len(got.Name), len(got.Attributes[1].Value.GetStringValue()))
	}

	many := span(2, 1)
	for n := range 5000 {
		many.Attributes = append(many.Attributes, pair(fmt.Sprint("k", n), "v"))
		many.Events = append(many.Events, &tracepb.Span_Event{Name: "e"})
		many.Links = append(many.Links, &tracepb.Span_Link{TraceId: many.TraceId, SpanId: many.SpanId})
	}
	many.DroppedEventsCount = 7
	sent := len(many.Attributes) + len(many.Events) + len(many.Links)
	take(many)
	got := stored(t, s, 2)
	if len(got.Attributes) > maxItems || len(got.Events) > maxItems || len(got.Links) > maxItems {
		t.Errorf("%d attributes, %d events and %d links are stored", len(got.Attributes), len(got.Events), len(got.Links))
	}
	// The span says what it has lost, and so does the receiver.
	if got.DroppedAttributesCount != 4001 || got.DroppedEventsCount != 4007 || got.DroppedLinksCount != 4000 {
		t.Errorf("the span says that it has lost %d, %d and %d", got.DroppedAttributesCount, got.DroppedEventsCount, got.DroppedLinksCount)
	}
	if losses := r.Losses(); !slices.Equal(losses, []Loss{{"traces", reasonShortened, 2}, {"traces", reasonElements, int64(sent - 3*maxItems)}}) {
		t.Errorf("%+v", losses)
	}

	deep := span(3, 1)
	v := str("bottom")
	for range 90 {
		v = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{v}}}}
	}
	deep.Attributes = []*commonpb.KeyValue{{Key: "deep", Value: v}}
	take(deep)
	stored(t, s, 3)

	old, future := span(4, 1), span(5, 1)
	old.StartTimeUnixNano, old.EndTimeUnixNano = 0, 0
	future.StartTimeUnixNano, future.EndTimeUnixNano = 1<<64-1, 5
	take(old, future)
	list, err := s.Traces(t.Context(), store.TraceQuery{Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Traces {
		if x.Start < 0 || x.Duration() < 0 {
			t.Errorf("%+v", x)
		}
	}

	noTrace, noID, short := span(6, 1), span(6, 1), span(6, 1)
	noTrace.TraceId, noID.SpanId, short.TraceId = nil, make([]byte, 8), []byte{1, 2}
	if n := take(noTrace, noID, short, span(7, 1)); n != 3 {
		t.Errorf("%d are refused, want 3", n)
	}
	stored(t, s, 7)

	// A text that is no UTF-8, which an encoder of Go refuses to write.
	b, err := proto.Marshal(request("shop", &tracepb.Span{TraceId: bytes.Repeat([]byte{8}, 16), SpanId: bytes.Repeat([]byte{8}, 8), Name: "bad name",
		Attributes: []*commonpb.KeyValue{pair("key", "bad value")}}))
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte("bad"), []byte("b\xffd"))
	if n, err := r.take(traces, b, ""); err != nil || n != 0 {
		t.Fatalf("%d refused, %v", n, err)
	}
	if got := stored(t, s, 8); got.Name != "b?d name" || got.Attributes[0].Value.GetStringValue() != "b?d value" {
		t.Errorf("stored %v", got)
	}
}

// TestSecrets: what other programs send is redacted before it is stored.
func TestSecrets(t *testing.T) {
	s := openStore(t)
	x := span(1, 1)
	x.Attributes = []*commonpb.KeyValue{
		pair("http.request.header.authorization", "Bearer planted"), pair("http.request.header.cookie", "planted=1"),
		pair("url.full", "https://user:planted@example.com/?access_token=planted&page=2"), pair("url.query", "api_key=planted&page=2"),
		pair("db.password", "planted"), pair("page", "2"),
	}
	x.Events = []*tracepb.Span_Event{{Name: "e", Attributes: []*commonpb.KeyValue{pair("session.token", "planted")}}}
	b, err := proto.Marshal(request("shop", x))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewReceiver(s, nil).take(traces, b, ""); err != nil {
		t.Fatal(err)
	}
	got := otlpjson.Append(nil, stored(t, s, 1))
	if bytes.Contains(got, []byte("planted")) || !bytes.Contains(got, []byte("page=2")) {
		t.Errorf("stored %s", got)
	}
}

// TestAttribute: the encoded form of an attribute is in spans that have it.
func TestAttribute(t *testing.T) {
	b, err := proto.Marshal(&tracepb.Span{Attributes: []*commonpb.KeyValue{
		pair("text", "value"), {Key: "number", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 500}}},
		{Key: "yes", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}}, pair("long", strings.Repeat("x", 300)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key   string
		value any
		want  bool
	}{
		{"text", "value", true}, {"text", "valu", false}, {"ext", "value", false}, {"number", int64(500), true}, {"number", int64(50), false},
		{"yes", true, true}, {"yes", false, false}, {"long", strings.Repeat("x", 300), true},
	} {
		if got := bytes.Contains(b, Attribute(c.key, c.value)); got != c.want {
			t.Errorf("%s=%v: %t, want %t", c.key, c.value, got, c.want)
		}
	}
	if !bytes.Contains(b, AttributeKey("number")) || bytes.Contains(b, AttributeKey("numbe")) {
		t.Error("a key alone is not found")
	}
}

// FuzzRead: no bytes make the reader panic, and what it takes can be read again.
func FuzzRead(f *testing.F) {
	b, err := proto.Marshal(request("shop", span(1, 1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0x0a, 0x03, 0x12, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []*signal{traces, logs, metrics} {
			var out store.Batch
			if _, err := s.read(&out, b, false); err != nil {
				continue
			}
			for _, sp := range out.Spans {
				if err := proto.Unmarshal(sp.Encoded, &tracepb.Span{}); err != nil || sp.Start < 0 || sp.End < sp.Start {
					t.Errorf("stored %x, %v", sp.Encoded, err)
				}
			}
			for _, l := range out.Logs {
				if err := proto.Unmarshal(l.Encoded, &logspb.LogRecord{}); err != nil {
					t.Errorf("stored %x, %v", l.Encoded, err)
				}
			}
		}
	})
}

// BenchmarkReceive is OTLP of other programs into the store: batches of 250 spans, of traces with one or five spans each.
func BenchmarkReceive(b *testing.B) {
	for _, each := range []int{1, 5, 50} {
		b.Run(fmt.Sprintf("%d spans a trace", each), func(b *testing.B) {
			s := openStore(b)
			r := NewReceiver(s, nil)
			var spans []*tracepb.Span
			for n := range 250 {
				x := span(0, byte(n+1))
				x.Attributes = append(x.Attributes, pair("http.request.method", "GET"), pair("url.path", "/cart"), pair("server.address", "localhost"),
					pair("vitrine.component", "shop"), pair("network.protocol.version", "1.1"), pair("http.route", "/cart"), pair("client.address", "127.0.0.1"))
				spans = append(spans, x)
			}
			q := request("shop", spans...)
			var id [16]byte
			for b.Loop() {
				b.StopTimer()
				for n, x := range spans {
					if n%each == 0 {
						rand.Read(id[:])
					}
					x.TraceId = bytes.Clone(id[:])
					binary.BigEndian.PutUint64(x.SpanId, uint64(n+1))
				}
				encoded, err := proto.Marshal(q)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := r.take(traces, encoded, ""); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(250*float64(b.N)/b.Elapsed().Seconds(), "spans/s")
		})
	}
}
