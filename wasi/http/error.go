package http

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Code is one of WASI's error codes, in the order of wasi:http/types.error-code.
type Code uint8

// The codes.
const (
	DNSTimeout Code = iota
	DNSError
	DestinationNotFound
	DestinationUnavailable
	DestinationIPProhibited
	DestinationIPUnroutable
	ConnectionRefused
	ConnectionTerminated
	ConnectionTimeout
	ConnectionReadTimeout
	ConnectionWriteTimeout
	ConnectionLimitReached
	TLSProtocolError
	TLSCertificateError
	TLSAlertReceived
	RequestDenied
	RequestLengthRequired
	RequestBodySize
	RequestMethodInvalid
	RequestURIInvalid
	RequestURITooLong
	RequestHeaderSectionSize
	RequestHeaderSize
	RequestTrailerSectionSize
	RequestTrailerSize
	ResponseIncomplete
	ResponseHeaderSectionSize
	ResponseHeaderSize
	ResponseBodySize
	ResponseTrailerSectionSize
	ResponseTrailerSize
	ResponseTransferCoding
	ResponseContentCoding
	ResponseTimeout
	UpgradeFailed
	ProtocolError
	LoopDetected
	ConfigurationError
	InternalError
)

// codeNames are the names in WIT; their order is that of the codes.
const codeNames = `DNS-timeout DNS-error destination-not-found destination-unavailable destination-IP-prohibited
destination-IP-unroutable connection-refused connection-terminated connection-timeout connection-read-timeout
connection-write-timeout connection-limit-reached TLS-protocol-error TLS-certificate-error TLS-alert-received
HTTP-request-denied HTTP-request-length-required HTTP-request-body-size HTTP-request-method-invalid
HTTP-request-URI-invalid HTTP-request-URI-too-long HTTP-request-header-section-size HTTP-request-header-size
HTTP-request-trailer-section-size HTTP-request-trailer-size HTTP-response-incomplete
HTTP-response-header-section-size HTTP-response-header-size HTTP-response-body-size
HTTP-response-trailer-section-size HTTP-response-trailer-size HTTP-response-transfer-coding
HTTP-response-content-coding HTTP-response-timeout HTTP-upgrade-failed HTTP-protocol-error loop-detected
configuration-error internal-error`

var codeNameList = strings.Fields(codeNames)

// String is the code's name in WIT.
func (c Code) String() string {
	if int(c) < len(codeNameList) {
		return codeNameList[c]
	}
	return fmt.Sprintf("error-code(%d)", uint8(c))
}

// Error is an error code with its payload. Which of Text and Number are set depends on the code: a size, the name of a field,
// a DNS response code and its extended code, a TLS alert's message and number, any text.
type Error struct {
	Code   Code
	Text   string  // "" if the code has none
	Number *uint64 // nil if the code has none
	Err    error   // the cause, which is not passed to guests; may be nil
}

// Error is the code's name and the text.
func (e *Error) Error() string {
	s := "http: " + e.Code.String()
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Number != nil {
		s += fmt.Sprintf(" (%d)", *e.Number)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a text.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Text: fmt.Sprintf(format, args...)}
}

// sizeError makes an Error about a size.
func sizeError(c Code, n uint64) *Error { return &Error{Code: c, Number: &n} }

// bodyLimit makes an Error about a body that is longer than most, the operator's limit.
func bodyLimit(c Code, most uint64) *Error {
	e := sizeError(c, most)
	e.Text = "the body is longer than the host allows"
	e.Err = &cm.LimitError{Limit: "body", Detail: fmt.Sprintf("a body is longer than %d bytes", most)}
	return e
}

// Status is the HTTP status of the response when a handler returns the error.
func (e *Error) Status() int {
	switch e.Code {
	case DNSTimeout, ConnectionTimeout, ConnectionReadTimeout, ConnectionWriteTimeout, ResponseTimeout:
		return 504
	case DNSError, DestinationNotFound, DestinationIPUnroutable, ConnectionRefused, ConnectionTerminated,
		TLSProtocolError, TLSCertificateError, TLSAlertReceived, ResponseIncomplete, ResponseHeaderSectionSize,
		ResponseHeaderSize, ResponseBodySize, ResponseTrailerSectionSize, ResponseTrailerSize, ResponseTransferCoding,
		ResponseContentCoding, UpgradeFailed, ProtocolError:
		return 502
	case DestinationUnavailable, ConnectionLimitReached:
		return 503
	case LoopDetected:
		return 508
	}
	return 500
}
