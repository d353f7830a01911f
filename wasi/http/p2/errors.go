package httpp2

import (
	"errors"
	"math"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// errorCode converts an error of wasi/http into the variant. The tags are in the order of the codes.
func errorCode(err error) ErrorCode {
	var e *wasihttp.Error
	if !errors.As(err, &e) {
		text := strings.ToValidUTF8(err.Error(), "\uFFFD")
		return ErrorCodeInternalError(&text)
	}
	var text *string
	if e.Text != "" {
		valid := strings.ToValidUTF8(e.Text, "\uFFFD") // it can quote a server's bytes
		text = &valid
	}
	size := number[uint32](e.Number, math.MaxUint32)
	field := FieldSizePayload{FieldName: text, FieldSize: size}
	code := ErrorCode{Tag: ErrorCodeTag(e.Code)}
	switch e.Code {
	case wasihttp.DNSError:
		code.DNSError = DNSErrorPayload{Rcode: text, InfoCode: number[uint16](e.Number, math.MaxUint16)}
	case wasihttp.TLSAlertReceived:
		code.TLSAlertReceived = TLSAlertReceivedPayload{AlertMessage: text, AlertID: number[uint8](e.Number, math.MaxUint8)}
	case wasihttp.RequestBodySize:
		code.HTTPRequestBodySize = e.Number
	case wasihttp.ResponseBodySize:
		code.HTTPResponseBodySize = e.Number
	case wasihttp.RequestHeaderSectionSize:
		code.HTTPRequestHeaderSectionSize = size
	case wasihttp.RequestTrailerSectionSize:
		code.HTTPRequestTrailerSectionSize = size
	case wasihttp.ResponseHeaderSectionSize:
		code.HTTPResponseHeaderSectionSize = size
	case wasihttp.ResponseTrailerSectionSize:
		code.HTTPResponseTrailerSectionSize = size
	case wasihttp.RequestHeaderSize:
		code.HTTPRequestHeaderSize = &field
	case wasihttp.RequestTrailerSize:
		code.HTTPRequestTrailerSize = field
	case wasihttp.ResponseHeaderSize:
		code.HTTPResponseHeaderSize = field
	case wasihttp.ResponseTrailerSize:
		code.HTTPResponseTrailerSize = field
	case wasihttp.ResponseTransferCoding:
		code.HTTPResponseTransferCoding = text
	case wasihttp.ResponseContentCoding:
		code.HTTPResponseContentCoding = text
	case wasihttp.InternalError:
		code.InternalError = text
	}
	return code
}

// number narrows n; a value that does not fit becomes the largest.
func number[T uint8 | uint16 | uint32](n *uint64, most uint64) *T {
	if n == nil {
		return nil
	}
	v := T(min(*n, most))
	return &v
}

// fromErrorCode converts the error of a guest's handler, without payloads other than the text.
func fromErrorCode(c ErrorCode) *wasihttp.Error {
	e := &wasihttp.Error{Code: wasihttp.Code(c.Tag)}
	if c.Tag == ErrorCodeTagInternalError && c.InternalError != nil {
		e.Text = *c.InternalError
	}
	return e
}

// headerError converts an error of fields. Fields over the operator's limit are a trap: WASI 0.2 has no error for them.
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
		return cm.Trapf(cm.TrapHeaders, "%w", err)
	}
	return wasiio.Misuse("%w", err)
}

// emptyError is the error of result<T>, which has no payload.
func emptyError() error { return cm.Fail(struct{}{}) }

// toEmptyError is emptyError if err is an error.
func toEmptyError(err error) error {
	if err != nil {
		return cm.FailFor(struct{}{}, err)
	}
	return nil
}
