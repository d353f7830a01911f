package telemetry

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
)

// headers are the headers of a request as propagators read and write them. Propagators spell names in lower case; the
// common ones are made canonical without an allocation.
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

// Get is the value, "" for none. Several lines of a list are one (W3C Trace Context §3.3.1, Baggage §3.2); a second
// traceparent makes both none, as they contradict each other (§3.2.1). Of anything else the first counts.
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

// Values are all values.
func (h headers) Values(name string) []string { return h[canonical(name)] }

// Set replaces all values.
func (h headers) Set(name, value string) { h[canonical(name)] = []string{value} }

// Keys are the names of all headers.
func (h headers) Keys() []string { return propagation.HeaderCarrier(h).Keys() }
