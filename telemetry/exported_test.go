package telemetry

import (
	"slices"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Helpers for the tests on the real engine, which are in package telemetry_test because they import packages that import this one.

func FormatSpans(spans tracetest.SpanStubs) string { return formatSpans(spans) }

func FormatMetric(m metricdata.Metrics) []string { return formatMetric(m) }

func Golden(t *testing.T, got string) { t.Helper(); golden(t, got) }

type MemoryLogs = memoryLogs

func (m *MemoryLogs) Format(spans tracetest.SpanStubs) string { return m.format(spans) }

// ProviderSets counts services with providers, and those of them that were released.
func ProviderSets(t *Telemetry) (all, ending int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sets) + len(t.ending), len(t.ending)
}

// Records are the records so far.
func (m *MemoryLogs) Records() []sdklog.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}
