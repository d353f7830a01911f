// Package anyvalue writes values of attributes as wasi:otel has them: OpenTelemetry's AnyValue as JSON (wasi:otel/types, value).
package anyvalue

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deep values are nested at most. What is deeper becomes its text.
const MaxDepth = 32

// bytesPrefix begins a JSON string that stands for bytes.
const bytesPrefix = "data:application/octet-stream;base64,"

// AppendFloat appends a double, which always has a fraction or an exponent: that tells it from a whole number. One that JSON has no number for is the string NaN,
// Infinity or -Infinity.
func AppendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	case math.Abs(f) < 1e-6 || math.Abs(f) >= 1e15:
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// AppendString appends a JSON string (RFC 8259 §7). Bytes that are no UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// AppendBytes appends bytes, in base64.
func AppendBytes(b, bytes []byte) []byte {
	return AppendString(b, bytesPrefix+base64.StdEncoding.EncodeToString(bytes))
}

// AppendList appends a list, whose values one appends.
func AppendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}
