package autoconf

import (
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// knownNames are OpenTelemetry's variables, used here or not: those of the specification ("Environment Variable Specification",
// "OpenTelemetry Protocol Exporter") and of the exporters.
func knownNames() []string {
	var names []string
	for _, s := range []string{"", "TRACES_", "METRICS_", "LOGS_", "PROFILES_"} {
		for _, what := range []string{"ENDPOINT", "INSECURE", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "HEADERS", "COMPRESSION", "TIMEOUT", "PROTOCOL"} {
			names = append(names, "OTEL_EXPORTER_OTLP_"+s+what)
		}
	}
	return append(names, strings.Fields(`
		OTEL_SDK_DISABLED OTEL_ENTITIES OTEL_RESOURCE_ATTRIBUTES OTEL_SERVICE_NAME OTEL_LOG_LEVEL OTEL_PROPAGATORS OTEL_TRACES_SAMPLER OTEL_TRACES_SAMPLER_ARG
		OTEL_BSP_SCHEDULE_DELAY OTEL_BSP_EXPORT_TIMEOUT OTEL_BSP_MAX_QUEUE_SIZE OTEL_BSP_MAX_EXPORT_BATCH_SIZE
		OTEL_BLRP_SCHEDULE_DELAY OTEL_BLRP_EXPORT_TIMEOUT OTEL_BLRP_MAX_QUEUE_SIZE OTEL_BLRP_MAX_EXPORT_BATCH_SIZE
		OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_ATTRIBUTE_COUNT_LIMIT OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT
		OTEL_SPAN_EVENT_COUNT_LIMIT OTEL_SPAN_LINK_COUNT_LIMIT OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT OTEL_LINK_ATTRIBUTE_COUNT_LIMIT
		OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT
		OTEL_EXPORTER_PROMETHEUS_HOST OTEL_EXPORTER_PROMETHEUS_PORT
		OTEL_EXPORTER_ZIPKIN_ENDPOINT OTEL_EXPORTER_ZIPKIN_TIMEOUT OTEL_EXPORTER_ZIPKIN_PROTOCOL
		OTEL_EXPORTER_JAEGER_ENDPOINT OTEL_EXPORTER_JAEGER_TIMEOUT OTEL_EXPORTER_JAEGER_PROTOCOL
		OTEL_TRACES_EXPORTER OTEL_METRICS_EXPORTER OTEL_LOGS_EXPORTER OTEL_METRICS_PRODUCERS
		OTEL_METRICS_EXEMPLAR_FILTER OTEL_METRIC_EXPORT_INTERVAL OTEL_METRIC_EXPORT_TIMEOUT
		OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION
		OTEL_EXPORTER_OTLP_SPAN_INSECURE OTEL_EXPORTER_OTLP_METRIC_INSECURE
		OTEL_CONFIG_FILE OTEL_EXPERIMENTAL_CONFIG_FILE OTEL_SEMCONV_STABILITY_OPT_IN`)...)
}

// maxNameWarnings bounds how many names are warned of.
const maxNameWarnings = 10

// checkNames warns of variables with a misspelled name, which nothing would read.
func (e environment) checkNames(environ []string) {
	names, warned := knownNames(), 0
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if warned >= maxNameWarnings || len(name) > 100 || e.Text(name) == "" {
			continue
		}
		if meant := nearestName(name, names); meant != "" {
			warned++
			e.Log.Warn("telemetry: nothing reads "+text.Printable(name), "reason", "did you mean "+meant+"?")
		}
	}
}

// nearestName is the known name of which name may be a misspelling; empty if name is known or similar to none.
func nearestName(name string, known []string) string {
	if slices.Contains(known, name) {
		return ""
	}
	upper := strings.ToUpper(name)
	least, best := 3, ""
	if strings.HasPrefix(upper, "OTEL_") {
		least = max(least, len(name)/6+1)
	}
	for _, k := range known {
		if d := text.Distance(upper, k); d < least {
			least, best = d, k
		}
	}
	if best != "" || !strings.HasPrefix(upper, "OTEL_") {
		return best
	}
	for _, k := range known { // a part is missing
		parts := strings.Split(k, "_")
		for i := 1; i < len(parts); i++ {
			if strings.Join(slices.Concat(parts[:i], parts[i+1:]), "_") == upper {
				return k
			}
		}
	}
	return ""
}
