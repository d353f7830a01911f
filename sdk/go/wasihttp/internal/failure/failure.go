// Package failure is the error of requests that fail, in all versions of wasi:http.
package failure

import "errors"

// ErrNoHost is the error of requests outside of a component.
var ErrNoHost = errors.New("wasihttp: this is no component, so there is no host that sends requests: build with GOOS=wasip1")

// Error is why a request has failed, as the host says it.
type Error struct {
	// Code is the case of wasi:http's error-code: connection-refused, HTTP-request-denied.
	Code string
	// Detail is what an internal-error says; it may be empty.
	Detail string
}

// Error is the code, and the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "wasi:http: " + e.Code
	}
	return "wasi:http: " + e.Code + ": " + e.Detail
}

// Timeout says whether the host has waited too long; it is net.Error's, which url.Error asks.
func (e *Error) Timeout() bool {
	switch e.Code {
	case "DNS-timeout", "connection-timeout", "connection-read-timeout", "connection-write-timeout", "HTTP-response-timeout":
		return true
	}
	return false
}
