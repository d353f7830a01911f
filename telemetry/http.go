package telemetry

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// methods are the methods in the semantic conventions; others are "_OTHER" in attributes and "HTTP" in span names.
var methods = map[string]attribute.KeyValue{
	"CONNECT": semconv.HTTPRequestMethodConnect, "DELETE": semconv.HTTPRequestMethodDelete,
	"GET": semconv.HTTPRequestMethodGet, "HEAD": semconv.HTTPRequestMethodHead,
	"OPTIONS": semconv.HTTPRequestMethodOptions, "PATCH": semconv.HTTPRequestMethodPatch,
	"POST": semconv.HTTPRequestMethodPost, "PUT": semconv.HTTPRequestMethodPut,
	"QUERY": semconv.HTTPRequestMethodKey.String("QUERY"), "TRACE": semconv.HTTPRequestMethodTrace,
}

// methodAttr is the method as an attribute.
func methodAttr(method string) attribute.KeyValue {
	if kv, ok := methods[method]; ok {
		return kv
	}
	return semconv.HTTPRequestMethodOther
}

// methodName is the method as the name of a span.
func methodName(method string) string {
	if _, ok := methods[method]; ok {
		return method
	}
	return "HTTP"
}

// knownMethod is the method as a metric's attribute, one of few values.
func knownMethod(method string) string {
	if _, ok := methods[method]; ok {
		return method
	}
	return "_OTHER"
}

// hostPort splits an authority; the port is 0 if it is missing or the scheme's default.
func hostPort(authority, scheme string) (string, int) {
	if !strings.Contains(authority, ":") { // most have no port, and the error for that would be an allocation
		return strings.Trim(authority, "[]"), 0
	}
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		return strings.Trim(authority, "[]"), 0
	}
	n, err := strconv.Atoi(port)
	if err != nil || n == defaultPort(scheme) {
		return host, 0
	}
	return host, n
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// protocolVersion is network.protocol.version: "1.1", "2".
func protocolVersion(major, minor int) string {
	switch {
	case major == 0:
		return ""
	case major == 1 && minor == 1: // without an allocation
		return "1.1"
	case major >= 2:
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

func requestScheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// activeKey is the attribute set of a measurement of running requests; there are few.
type activeKey struct{ method, scheme string }

func (k activeKey) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{methodAttr(k.method), semconv.URLScheme(k.scheme)}
}

func (k activeKey) overflow() activeKey { return k }

func (k activeKey) sanitized() activeKey {
	k.method, k.scheme = sanitize.Label(k.method), sanitize.Label(k.scheme)
	return k
}

// serverKey is the attribute set of a measurement of incoming requests.
type serverKey struct {
	method, scheme, route, protocol, errorType string
	status                                     int
}

func (k serverKey) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{methodAttr(k.method), semconv.URLScheme(k.scheme)}
	if k.route != "" {
		attrs = append(attrs, semconv.HTTPRoute(k.route))
	}
	if k.protocol != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(k.protocol))
	}
	if k.status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(k.status))
	}
	if k.errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(k.errorType))
	}
	return attrs
}

func (k serverKey) sanitized() serverKey {
	k.method, k.scheme, k.route = sanitize.Label(k.method), sanitize.Label(k.scheme), sanitize.Label(k.route)
	k.protocol, k.errorType = sanitize.Label(k.protocol), sanitize.Label(k.errorType)
	return k
}

func (k serverKey) overflow() serverKey {
	return serverKey{method: k.method, scheme: k.scheme, status: k.status / 100 * 100}
}

// clientKey is the attribute set of a measurement of outgoing requests.
type clientKey struct {
	method, address, protocol, errorType string
	port, status                         int
}

func (k clientKey) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{methodAttr(k.method), semconv.ServerAddress(k.address), semconv.ServerPort(k.port)}
	if k.protocol != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(k.protocol))
	}
	if k.status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(k.status))
	}
	if k.errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(k.errorType))
	}
	return attrs
}

func (k clientKey) sanitized() clientKey {
	k.method, k.address = sanitize.Label(k.method), sanitize.Label(k.address)
	k.protocol, k.errorType = sanitize.Label(k.protocol), sanitize.Label(k.errorType)
	return k
}

func (k clientKey) overflow() clientKey {
	return clientKey{method: k.method, address: "_OTHER", status: k.status / 100 * 100}
}
