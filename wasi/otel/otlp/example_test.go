package otlp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wasi/otel/otlp"
)

// bodies is a sink that prints log records.
type bodies struct{ otel.Sink }

func (bodies) EmitLog(_ context.Context, r *otel.LogRecord) { fmt.Println(r.Body) }

// A collector answers what an exporter sends, and hands the records to a sink.
func Example() {
	c := otlp.New(bodies{otel.Discard})
	r := httptest.NewRequest(http.MethodPost, otlp.Endpoint+"/v1/logs", strings.NewReader(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"sold out"}}]}]}]}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.Server(r.Context()).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// sold out
	// 200 {}
}
