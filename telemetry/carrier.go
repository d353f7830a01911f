package telemetry

import (
	"net/http"

	"go.opentelemetry.io/otel/propagation"
)

// headers are the headers of a request as propagators read and write them. Propagators spell names in lower case; the
// common ones are made canonical without an allocation.
type headers http.Header

var _ propagation.ValuesGetter = headers(nil)

func canonical(name string) string {
	switch name {
	case "traceparent":
		return "Traceparent"
	case "tracestate":
		return "Tracestate"
	case "baggage":
		return "Baggage"
	}
	return http.CanonicalHeaderKey(name)
}

// Get is the first value, "" for none.
func (h headers) Get(name string) string {
	if vs := h[canonical(name)]; len(vs) > 0 {
		return vs[0]
	}
	return ""
}

// Values are all values.
func (h headers) Values(name string) []string { return h[canonical(name)] }

// Set replaces all values.
func (h headers) Set(name, value string) { h[canonical(name)] = []string{value} }

// Keys are the names of all headers.
func (h headers) Keys() []string { return propagation.HeaderCarrier(h).Keys() }
