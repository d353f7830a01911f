package wasiotel

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/anyvalue"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

type entry = cabi.Tuple2[string, string]

// lowerValue is a value as the interface has it.
func lowerValue(v attribute.Value) string { return string(appendValue(nil, v, anyvalue.MaxDepth)) }

func appendValue(b []byte, v attribute.Value, depth int) []byte {
	if depth == 0 {
		return anyvalue.AppendString(b, v.String())
	}
	switch v.Type() {
	case attribute.BOOL:
		return strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		return strconv.AppendInt(b, v.AsInt64(), 10)
	case attribute.FLOAT64:
		return anyvalue.AppendFloat(b, v.AsFloat64())
	case attribute.STRING:
		return anyvalue.AppendString(b, v.AsString())
	case attribute.BYTESLICE:
		return anyvalue.AppendBytes(b, v.AsByteSlice())
	case attribute.BOOLSLICE:
		return anyvalue.AppendList(b, v.AsBoolSlice(), strconv.AppendBool)
	case attribute.INT64SLICE:
		return anyvalue.AppendList(b, v.AsInt64Slice(), func(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) })
	case attribute.FLOAT64SLICE:
		return anyvalue.AppendList(b, v.AsFloat64Slice(), anyvalue.AppendFloat)
	case attribute.STRINGSLICE:
		return anyvalue.AppendList(b, v.AsStringSlice(), anyvalue.AppendString)
	case attribute.SLICE:
		return anyvalue.AppendList(b, v.AsSlice(), func(b []byte, v attribute.Value) []byte { return appendValue(b, v, depth-1) })
	case attribute.MAP:
		return appendMap(b, v.AsMap(), depth)
	case attribute.EMPTY:
		return append(b, "null"...)
	}
	return anyvalue.AppendString(b, v.String()) // a kind that is newer than this package
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
		b = append(anyvalue.AppendString(b, string(kv.Key)), ':')
		b = appendValue(b, kv.Value, depth-1)
	}
	return append(b, '}')
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
