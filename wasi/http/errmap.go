package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"reflect"
	"strings"
	"syscall"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/errno"
)

// The causes with which timers cancel an exchange.
var (
	errConnectTimeout = &Error{Code: ConnectionTimeout}
	errReadTimeout    = &Error{Code: ConnectionReadTimeout}
	errCancelled      = errors.New("http: the guest dropped the exchange")
)

// errorFrom maps an error of net/http, net or crypto/tls to a code. ctx is the exchange's: a timeout that cancelled it is the
// cause of the error that followed. body is true after the head of the response; always false for an incoming request.
func errorFrom(ctx context.Context, err error, body bool) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.As(cause, &e) {
			return e
		}
		return &Error{Code: ConnectionTerminated, Text: "the exchange was cancelled", Err: err}
	}
	for _, f := range []func(error) *Error{dnsError, tlsError, netError, ioError} {
		if e := f(err); e != nil {
			e.Err = err
			if body && e.Code == ConnectionTerminated {
				e.Code = ResponseIncomplete
			}
			return e
		}
	}
	e = textError(err.Error(), body)
	if e.Err == nil {
		e.Err = err
	} else { // a limit, or what the guest is not told
		e.Err = fmt.Errorf("%w: %w", e.Err, err)
	}
	return e
}

func dnsError(err error) *Error {
	var d *net.DNSError
	switch {
	case !errors.As(err, &d):
		return nil
	case d.IsNotFound:
		return &Error{Code: DNSError, Text: "NXDOMAIN"}
	case d.IsTimeout:
		return &Error{Code: DNSTimeout}
	}
	return &Error{Code: DNSError, Text: "SERVFAIL"}
}

func tlsError(err error) *Error {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid):
		return &Error{Code: TLSCertificateError}
	case errors.As(err, &record):
		return &Error{Code: TLSProtocolError}
	case errors.As(err, &op) && op.Op == "remote error":
		e := &Error{Code: TLSAlertReceived, Text: strings.TrimPrefix(op.Err.Error(), "tls: ")}
		if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 { // crypto/tls does not export its alert type
			n := v.Uint()
			e.Number = &n
		}
		return e
	case errors.As(err, &op) && op.Op == "local error":
		return &Error{Code: TLSProtocolError}
	}
	return nil
}

func netError(err error) *Error {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	number, _ := errno.Of(err)
	for _, c := range []struct {
		errno syscall.Errno
		code  Code
	}{
		{syscall.ECONNREFUSED, ConnectionRefused},
		{syscall.ECONNRESET, ConnectionTerminated},
		{syscall.ECONNABORTED, ConnectionTerminated},
		{syscall.EPIPE, ConnectionTerminated},
		{syscall.ENETUNREACH, DestinationIPUnroutable},
		{syscall.EHOSTUNREACH, DestinationIPUnroutable},
		{syscall.EADDRNOTAVAIL, DestinationIPUnroutable},
		{syscall.EACCES, DestinationIPProhibited},
		{syscall.EPERM, DestinationIPProhibited},
		{syscall.EMFILE, ConnectionLimitReached},
		{syscall.ENFILE, ConnectionLimitReached},
	} {
		if number == c.errno {
			return &Error{Code: c.code}
		}
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		switch {
		case dialing, strings.Contains(err.Error(), "TLS handshake"):
			return &Error{Code: ConnectionTimeout}
		case op != nil && op.Op == "write":
			return &Error{Code: ConnectionWriteTimeout}
		}
		return &Error{Code: ConnectionReadTimeout}
	}
	if dialing {
		return &Error{Code: DestinationUnavailable}
	}
	return nil
}

func ioError(err error) *Error {
	var malformed textproto.ProtocolError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return &Error{Code: ConnectionTerminated}
	case errors.Is(err, http.ErrSchemeMismatch):
		return &Error{Code: TLSProtocolError}
	case errors.As(err, &malformed):
		return &Error{Code: ProtocolError}
	}
	return nil
}

var headersLimit = &cm.LimitError{Limit: "headers", Detail: "the headers or trailers of a response are longer than the host allows"}

// textError maps the errors of net/http that differ in their text only.
func textError(text string, body bool) *Error {
	for _, c := range []struct {
		words string
		code  Code
	}{
		{"response headers exceeded", ResponseHeaderSectionSize},
		{"response header list larger", ResponseHeaderSectionSize},
		{"suspiciously long trailer", RequestTrailerSectionSize},
		{"unsupported transfer encoding", ResponseTransferCoding},
		{"tls:", TLSProtocolError},
		{"x509:", TLSCertificateError},
		{"server closed idle connection", ConnectionTerminated},
		{"client connection lost", ConnectionTerminated},
		{"client conn", ConnectionTerminated},
		{"GOAWAY", ConnectionTerminated},
		{"unexpected EOF", ConnectionTerminated},
		{"malformed", ProtocolError},
		{"chunk", ProtocolError},
		{"header line too long", ProtocolError}, // a chunk's
		{"Content-Length", ProtocolError},
		{"invalid", ProtocolError},
		{"connection error", ProtocolError},
		{"stream error", ProtocolError},
		{"ContentLength=", RequestBodySize},
	} {
		if strings.Contains(text, c.words) {
			switch {
			case body && (c.code == ConnectionTerminated || c.words == "stream error"):
				return &Error{Code: ResponseIncomplete}
			case body && c.code == ResponseHeaderSectionSize, body && c.code == RequestTrailerSectionSize:
				return &Error{Code: ResponseTrailerSectionSize, Err: headersLimit} // the second header list is the trailers
			case c.code == ResponseHeaderSectionSize:
				return &Error{Code: c.code, Err: headersLimit}
			}
			return &Error{Code: c.code}
		}
	}
	const failed = "the request failed" // what the system says may name what the guest knows nothing of: a proxy, an address
	return &Error{Code: InternalError, Text: failed, Err: &cm.BackendError{Text: failed, Err: errors.New(text)}}
}
