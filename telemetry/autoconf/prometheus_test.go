package autoconf

import (
	"net/http/httptest"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// The handler shows what the consumer's reader reads, and each has a registry of its own.
func TestPrometheus(t *testing.T) {
	for range 2 {
		c, h, err := Prometheus(Options{})
		if err != nil {
			t.Fatal(err)
		}
		meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(c.MetricReader)).Meter("m")
		counter, err := meter.Int64Counter("apples")
		if err != nil {
			t.Fatal(err)
		}
		counter.Add(t.Context(), 3)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		if !strings.Contains(w.Body.String(), "\napples_total{") || !strings.Contains(w.Body.String(), "} 3\n") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if err := c.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
