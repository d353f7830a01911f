package wasilog

import (
	"encoding"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/anyvalue"
)

func bodyOf(message string) string { return string(anyvalue.AppendString(nil, message)) }

// valueOf is a value as wasi:otel has it.
func valueOf(v slog.Value) string {
	var b []byte
	switch v.Kind() {
	case slog.KindString:
		b = anyvalue.AppendString(b, v.String())
	case slog.KindInt64:
		b = strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		b = appendUint(b, v.Uint64())
	case slog.KindFloat64:
		b = anyvalue.AppendFloat(b, v.Float64())
	case slog.KindBool:
		b = strconv.AppendBool(b, v.Bool())
	default: // a time, a duration, and any other value
		b = appendAny(b, v.Any(), anyvalue.MaxDepth)
	}
	return string(b)
}

// appendUint appends a number; one that is none of OpenTelemetry's, which have 64 bits with a sign, is text.
func appendUint(b []byte, n uint64) []byte {
	if n > math.MaxInt64 {
		return append(strconv.AppendUint(append(b, '"'), n, 10), '"')
	}
	return strconv.AppendUint(b, n, 10)
}

// appendAny appends a value of any type. A method of the value that panics makes the value say so: a line of a log is no reason for a program to end.
func appendAny(b []byte, v any, depth int) (out []byte) {
	begun := len(b)
	defer func() {
		if p := recover(); p != nil {
			out = anyvalue.AppendString(b[:begun], fmt.Sprint("!PANIC: ", p))
		}
	}()
	if depth == 0 {
		return anyvalue.AppendString(b, fmt.Sprintf("%T", v)) // of values that hold themselves
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return append(b, "null"...)
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case time.Time:
		return anyvalue.AppendString(b, v.Format(time.RFC3339Nano))
	case []byte:
		return anyvalue.AppendBytes(b, v)
	case error:
		return anyvalue.AppendString(b, v.Error())
	case encoding.TextMarshaler:
		if text, err := v.MarshalText(); err == nil {
			return anyvalue.AppendString(b, string(text))
		}
	case fmt.Stringer:
		return anyvalue.AppendString(b, v.String())
	case slog.LogValuer:
		return appendAny(b, slog.AnyValue(v).Resolve().Any(), depth-1)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(b, r.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, r.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendUint(b, r.Uint())
	case reflect.Float32, reflect.Float64:
		return anyvalue.AppendFloat(b, r.Float())
	case reflect.String:
		return anyvalue.AppendString(b, r.String())
	case reflect.Slice, reflect.Array:
		b = append(b, '[')
		for i := range r.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAny(b, r.Index(i).Interface(), depth-1)
		}
		return append(b, ']')
	case reflect.Map:
		if r.Type().Key().Kind() != reflect.String {
			break
		}
		keys := r.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int {
			if a.String() < b.String() {
				return -1
			}
			return 1
		})
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(anyvalue.AppendString(b, k.String()), ':')
			b = appendAny(b, r.MapIndex(k).Interface(), depth-1)
		}
		return append(b, '}')
	}
	return anyvalue.AppendString(b, fmt.Sprintf("%+v", v))
}
