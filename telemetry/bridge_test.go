package telemetry

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// What the tests on the real engine, which import packages that import this one, take from here.

func Draw(spans tracetest.SpanStubs) string { return draw(spans) }

func Tell(m metricdata.Metrics) []string { return tell(m) }

func Golden(t *testing.T, got string) { t.Helper(); golden(t, got) }

type MemoryLogs = memoryLogs

func (m *MemoryLogs) Lines(spans tracetest.SpanStubs) string { return m.lines(spans) }

// Held is how many services have providers, and how many of them nobody uses any more.
func Held(t *Telemetry) (all, ending int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sets) + len(t.ending), len(t.ending)
}
