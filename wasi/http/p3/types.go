package httpp3

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Add defines wasi:http/types and wasi:http/client. Requests of the guest go out through c.
func Add(l *component.Linker, c *wasihttp.Client) {
	AddTypes(l, types{c.Limits()})
	AddClient(l, client{c})
}

// types implements [Types]; its methods are in the files of their resources.
type types struct{ limits wasihttp.Limits }

var _ Types = types{}

func toMethod(s string) Method {
	m := Method{Tag: MethodTag(wasihttp.MethodCase(s))}
	if m.Tag == MethodTagOther {
		m.Other = s
	}
	return m
}

func fromMethod(m Method) string { return wasihttp.MethodOf(int(m.Tag), m.Other) }

func toScheme(s string) *Scheme {
	var scheme Scheme
	switch s {
	case "":
		return nil
	case "http":
		scheme = SchemeHTTP()
	case "https":
		scheme = SchemeHTTPS()
	default:
		scheme = SchemeOther(s)
	}
	return &scheme
}

// fromScheme converts a scheme, "" for none; ok is false for an empty name.
func fromScheme(s *Scheme) (name string, ok bool) {
	switch {
	case s == nil:
		return "", true
	case s.Tag == SchemeTagHTTP:
		return "http", true
	case s.Tag == SchemeTagHTTPS:
		return "https", true
	}
	return s.Other, s.Other != ""
}

// optional is none for the empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// errorCode converts an error of wasi/http.
func errorCode(err error) ErrorCode { return LiftErrorCode(wasihttp.ErrorVal(err)) }

// failed converts an error of wasi/http into the guest's. The cause is kept only for an operator's limit; elsewhere the code says it all.
func failed(err error) error {
	var limit *cm.LimitError
	if errors.As(err, &limit) {
		return cm.FailFor(errorCode(err), err)
	}
	return cm.Fail(errorCode(err))
}

// fromErrorCode converts an error that a guest gives.
func fromErrorCode(c ErrorCode) *wasihttp.Error { return wasihttp.ErrorOf(LowerErrorCode(c)) }

// headerError converts an error of fields.
func headerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wasihttp.ErrInvalidSyntax):
		return cm.Fail(HeaderErrorInvalidSyntax())
	case errors.Is(err, wasihttp.ErrForbidden):
		return cm.Fail(HeaderErrorForbidden())
	case errors.Is(err, wasihttp.ErrImmutable):
		return cm.Fail(HeaderErrorImmutable())
	case errors.Is(err, wasihttp.ErrFieldsSize):
		return cm.FailFor(HeaderErrorSizeExceeded(), &cm.LimitError{Limit: "headers", Detail: err.Error()})
	}
	return wasiio.Misuse("%w", err)
}

// emptyError is the error of a result<T>: it has no payload.
func emptyError() error { return cm.Fail(struct{}{}) }

// toEmptyError is emptyError if err is an error.
func toEmptyError(err error) error {
	if err != nil {
		return cm.FailFor(struct{}{}, err)
	}
	return nil
}
