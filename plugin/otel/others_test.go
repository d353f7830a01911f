package otel_test

import "github.com/vitrine-wasm/vitrine/plugin/otel/bindings"

var parentChecks, fieldChecks, identifierChecks, valueChecks, logChecks, metricChecks, limitChecks, concurrencyChecks, exportChecks []check

// counterOf is a cumulative counter.
func counterOf(name string, n uint64) bindings.Metric {
	return bindings.Metric{Name: name, Data: bindings.MetricDataU64Sum(bindings.Sum{
		DataPoints: []bindings.SumDataPoint{{Value: bindings.MetricNumberU64(n)}}, IsMonotonic: true,
	})}
}
