package telemetry

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// What the tests on the real engine, which import packages that import this one, take from here.

func FormatSpans(spans tracetest.SpanStubs) string { return formatSpans(spans) }

func FormatMetric(m metricdata.Metrics) []string { return formatMetric(m) }

func Golden(t *testing.T, got string) { t.Helper(); golden(t, got) }

type MemoryLogs = memoryLogs

func (m *MemoryLogs) Format(spans tracetest.SpanStubs) string { return m.format(spans) }

// ProviderSets is how many services have providers, and how many of them nobody uses any more.
func ProviderSets(t *Telemetry) (all, ending int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sets) + len(t.ending), len(t.ending)
}
