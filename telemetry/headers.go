package telemetry

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
)

// headers is the TextMapCarrier of a request's headers. Propagators use lower-case names; the common ones are made canonical
// without an allocation.
type headers http.Header

var _ propagation.ValuesGetter = headers(nil)

const (
	traceparentKey = "Traceparent"
	tracestateKey  = "Tracestate"
	baggageKey     = "Baggage"
)

func canonical(name string) string {
	switch name {
	case "traceparent":
		return traceparentKey
	case "tracestate":
		return tracestateKey
	case "baggage":
		return baggageKey
	}
	return http.CanonicalHeaderKey(name)
}

// Get returns a header's value, "" for none. It joins several lines of tracestate and baggage (W3C Trace Context §3.3.1, Baggage
// §3.2), ignores several traceparents (§3.2.1), and returns the first line of other headers.
func (h headers) Get(name string) string {
	key := canonical(name)
	vs := h[key]
	switch {
	case len(vs) == 0, len(vs) > 1 && key == traceparentKey:
		return ""
	case len(vs) > 1 && (key == tracestateKey || key == baggageKey):
		return strings.Join(vs, ",")
	}
	return vs[0]
}

// Values returns all values.
func (h headers) Values(name string) []string { return h[canonical(name)] }

// Set replaces all values.
func (h headers) Set(name, value string) { h[canonical(name)] = []string{value} }

// Keys returns the names of all headers.
func (h headers) Keys() []string { return propagation.HeaderCarrier(h).Keys() }
