package otlpstream

import (
	"bytes"
	"net/http"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A body that an exporter sends again is passed on once; a body that is not OTLP is refused.
func TestBodiesSentAgain(t *testing.T) {
	records := make(chan *logspb.LogRecord, 10)
	r, err := Listen(func(*tracepb.Span) {}, func(l *logspb.LogRecord) { records <- l })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	body := func(at uint64) []byte {
		b, err := proto.Marshal(&collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{
			{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{TimeUnixNano: at}}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, b := range [][]byte{body(1), body(2), body(1), {0xff}} {
		resp, err := http.Post(r.URL+"/v1/logs", "application/x-protobuf", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := map[bool]int{true: 400, false: 200}[len(b) == 1]; resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	if len(records) != 2 || r.Again() != 1 || r.Bad() != 1 {
		t.Errorf("%d records, %d again, %d bad; want 2, 1, 1", len(records), r.Again(), r.Bad())
	}
}
