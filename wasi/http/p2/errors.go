package httpp2

import (
	"errors"
	"math"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// errorCode turns a capability's error into the variant. The tags are in the order of the codes.
func errorCode(err error) ErrorCode {
	var e *wasihttp.Error
	if !errors.As(err, &e) {
		text := strings.ToValidUTF8(err.Error(), "\uFFFD")
		return ErrorCodeInternalError(&text)
	}
	var text *string
	if e.Text != "" {
		valid := strings.ToValidUTF8(e.Text, "\uFFFD") // it can quote what a server has sent
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

// number narrows n; what does not fit is as large as can be.
func number[T uint8 | uint16 | uint32](n *uint64, most uint64) *T {
	if n == nil {
		return nil
	}
	v := T(min(*n, most))
	return &v
}

// fromErrorCode is the capability's error for a variant that a guest gives as its answer; of the payloads the text counts.
func fromErrorCode(c ErrorCode) *wasihttp.Error {
	e := &wasihttp.Error{Code: wasihttp.Code(c.Tag)}
	if c.Tag == ErrorCodeTagInternalError && c.InternalError != nil {
		e.Text = *c.InternalError
	}
	return e
}

// headerError turns an error of fields into the one that the guest sees. Fields that are larger than the operator's limit
// trap: this version of WASI has no error for them.
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

// refused is the error of result<T>, which says nothing.
func refused() error { return cm.Fail(struct{}{}) }

// refuse is refused if err is an error.
func refuse(err error) error {
	if err != nil {
		return cm.FailFor(struct{}{}, err)
	}
	return nil
}
