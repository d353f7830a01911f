package httpp2

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines wasi:http/types and wasi:http/outgoing-handler. Requests of the guest go out through c.
func Add(l *component.Linker, c *wasihttp.Client) {
	AddTypes(l, types{c.Limits()})
	AddOutgoingHandler(l, &outgoingHandler{c})
}

// types implements [Types]; its methods are in the files of their resources.
type types struct{ limits wasihttp.Limits }

var _ Types = types{}

// HTTPErrorCode implements [Types].
func (types) HTTPErrorCode(_ context.Context, e iop2.Error) (*ErrorCode, error) {
	var known *wasihttp.Error
	if !errors.As(iop2.Cause(e), &known) {
		return nil, nil
	}
	code := errorCode(known)
	return &code, nil
}

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

// fromScheme returns "" for none; ok is false for an empty name, which is invalid.
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
