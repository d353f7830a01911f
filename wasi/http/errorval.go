package http

import (
	"errors"
	"math"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// ErrorVal makes the value of wasi:http/types.error-code that a component sees of err. The variant has the same form in WASI 0.2 and
// 0.3; its cases are in the order of the codes.
func ErrorVal(err error) cm.Val {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: InternalError, Text: err.Error()}
	}
	if p := e.payload(); !p.IsZero() {
		return cm.CaseVal(uint32(e.Code), &p)
	}
	return cm.CaseVal(uint32(e.Code), nil)
}

// payload is the zero Val for a code that has none.
func (e *Error) payload() cm.Val {
	text := cm.None()
	if e.Text != "" {
		text = cm.Some(cm.StringVal(strings.ToValidUTF8(e.Text, "\uFFFD"))) // it can quote a server's bytes
	}
	number := func(most uint64, val func(uint64) cm.Val) cm.Val {
		if e.Number == nil {
			return cm.None()
		}
		return cm.Some(val(min(*e.Number, most))) // what does not fit becomes the largest
	}
	size := func() cm.Val { return number(math.MaxUint32, func(n uint64) cm.Val { return cm.U32Val(uint32(n)) }) }
	field := func() cm.Val { return cm.ListVal([]cm.Val{text, size()}) }
	switch e.Code {
	case DNSError:
		return cm.ListVal([]cm.Val{text, number(math.MaxUint16, func(n uint64) cm.Val { return cm.U16Val(uint16(n)) })})
	case TLSAlertReceived:
		return cm.ListVal([]cm.Val{number(math.MaxUint8, func(n uint64) cm.Val { return cm.U8Val(uint8(n)) }), text})
	case RequestBodySize, ResponseBodySize:
		return number(math.MaxUint64, cm.U64Val)
	case RequestHeaderSectionSize, RequestTrailerSectionSize, ResponseHeaderSectionSize, ResponseTrailerSectionSize:
		return size()
	case RequestHeaderSize:
		return cm.Some(field())
	case RequestTrailerSize, ResponseHeaderSize, ResponseTrailerSize:
		return field()
	case ResponseTransferCoding, ResponseContentCoding, InternalError:
		return text
	}
	return cm.Val{}
}

// ErrorOf is the error for an error-code that a component gives, without payloads but the text of an internal error.
func ErrorOf(v cm.Val) *Error {
	e := &Error{Code: Code(v.Case())}
	if e.Code != InternalError {
		return e
	}
	if p, ok := v.Payload(); ok {
		if text, ok := p.Payload(); ok {
			e.Text = text.Str()
		}
	}
	return e
}
