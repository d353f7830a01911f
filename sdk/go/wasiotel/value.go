package wasiotel

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

type entry = cabi.Tuple2[string, string]

// bytesPrefix begins a JSON string that stands for bytes (wasi:otel/types, value).
const bytesPrefix = "data:application/octet-stream;base64,"

// maxDepth is how deep values are nested at most. What is deeper becomes its text.
const maxDepth = 32

// lowerValue is a value as JSON. A double always has a fraction or an exponent, which tells it from a whole number; one that JSON has no number for is the
// string NaN, Infinity or -Infinity.
func lowerValue(v attribute.Value) string { return string(appendValue(nil, v, maxDepth)) }

func appendValue(b []byte, v attribute.Value, depth int) []byte {
	if depth == 0 {
		return appendString(b, v.String())
	}
	switch v.Type() {
	case attribute.BOOL:
		return strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		return strconv.AppendInt(b, v.AsInt64(), 10)
	case attribute.FLOAT64:
		return appendFloat(b, v.AsFloat64())
	case attribute.STRING:
		return appendString(b, v.AsString())
	case attribute.BYTESLICE:
		return appendString(b, bytesPrefix+base64.StdEncoding.EncodeToString(v.AsByteSlice()))
	case attribute.BOOLSLICE:
		return appendList(b, v.AsBoolSlice(), strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendList(b, v.AsInt64Slice(), func(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) })
	case attribute.FLOAT64SLICE:
		return appendList(b, v.AsFloat64Slice(), appendFloat)
	case attribute.STRINGSLICE:
		return appendList(b, v.AsStringSlice(), appendString)
	case attribute.SLICE:
		return appendList(b, v.AsSlice(), func(b []byte, v attribute.Value) []byte { return appendValue(b, v, depth-1) })
	case attribute.MAP:
		return appendMap(b, v.AsMap(), depth)
	case attribute.EMPTY:
		return append(b, "null"...)
	}
	return appendString(b, v.String()) // a kind that is newer than this package
}

func appendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

// appendMap has the last value of each key.
func appendMap(b []byte, m []attribute.KeyValue, depth int) []byte {
	last := make(map[attribute.Key]int, len(m))
	for i, kv := range m {
		last[kv.Key] = i
	}
	b = append(b, '{')
	first := true
	for i, kv := range m {
		if last[kv.Key] != i {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, string(kv.Key)), ':')
		b = appendValue(b, kv.Value, depth-1)
	}
	return append(b, '}')
}

func appendFloat(b []byte, f float64) []byte {
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

// appendString is a JSON string (RFC 8259 §7). Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
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

func lowerAttributes(attributes []attribute.KeyValue) []bindings.KeyValue {
	list := make([]bindings.KeyValue, len(attributes))
	for i, kv := range attributes {
		list[i] = bindings.KeyValue{Key: string(kv.Key), Value: lowerValue(kv.Value)}
	}
	return list
}

// lowerTime is a time as the interface has it, which knows none before 1970.
func lowerTime(t time.Time) bindings.Datetime {
	if s := t.Unix(); s >= 0 {
		return bindings.Datetime{Seconds: uint64(s), Nanoseconds: uint32(t.Nanosecond())}
	}
	return bindings.Datetime{}
}

// maybeTime is nil for the zero time.
func maybeTime(t time.Time) *bindings.Datetime {
	if t.IsZero() {
		return nil
	}
	d := lowerTime(t)
	return &d
}

// maybe is nil for an empty string.
func maybe(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func lowerScope(s instrumentation.Scope) bindings.InstrumentationScope {
	return bindings.InstrumentationScope{Name: s.Name, Version: maybe(s.Version), SchemaURL: maybe(s.SchemaURL), Attributes: lowerAttributes(s.Attributes.ToSlice())}
}

func lowerResource(r *resource.Resource) bindings.Resource {
	if r == nil {
		return bindings.Resource{}
	}
	return bindings.Resource{Attributes: lowerAttributes(r.Attributes()), SchemaURL: maybe(r.SchemaURL())}
}
