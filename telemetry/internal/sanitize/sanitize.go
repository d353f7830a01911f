// Package sanitize makes outside text valid UTF-8 of bounded length. A receiver refuses a whole batch for one invalid byte, and
// Prometheus a whole page, so that each string in telemetry passes through here, or through package span in spans. The rest of
// telemetry can write only by types that do this: [Logger] and [Resource], and those of packages bound and span.
package sanitize

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// maxLabel bounds a text in a metric's attributes, in bytes. Such texts are kept for the life of the process.
const maxLabel = 1 << 10

// Label sanitizes a text in a metric's attributes.
func Label(s string) string { return text.Cut(text.Valid(s), maxLabel) }

// Labels sanitizes the attributes of a measurement.
func Labels(kvs []attribute.KeyValue) []attribute.KeyValue { return sanitizeAll(kvs, maxLabel) }

// Attributes sanitizes the attributes of a span, without a bound of their length.
func Attributes(kvs []attribute.KeyValue) []attribute.KeyValue { return sanitizeAll(kvs, math.MaxInt) }

// sanitizeAll sanitizes attributes and bounds their texts to most bytes. It does not change kvs, which is the result if it is clean.
func sanitizeAll(kvs []attribute.KeyValue, most int) []attribute.KeyValue {
	for i, kv := range kvs {
		if isClean(kv, most) {
			continue
		}
		out := append([]attribute.KeyValue(nil), kvs...)
		for j := i; j < len(out); j++ {
			out[j] = sanitizeKeyValue(out[j], most)
		}
		return out
	}
	return kvs
}

func isClean(kv attribute.KeyValue, most int) bool {
	if !fits(string(kv.Key), most) {
		return false
	}
	switch kv.Value.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return true
	case attribute.STRING:
		return fits(kv.Value.AsString(), most)
	}
	return false // reading a list or map copies it anyway
}

func fits(s string, most int) bool { return len(s) <= most && text.Valid(s) == s }

func sanitizeKeyValue(kv attribute.KeyValue, most int) attribute.KeyValue {
	return attribute.KeyValue{Key: attribute.Key(text.Cut(text.Valid(string(kv.Key)), most)), Value: sanitizeValue(kv.Value, most)}
}

// sanitizeValue sanitizes all texts in a value, at any depth.
func sanitizeValue(v attribute.Value, most int) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(text.Cut(text.Valid(v.AsString()), most))
	case attribute.STRINGSLICE:
		all := v.AsStringSlice()
		for i, s := range all {
			all[i] = text.Cut(text.Valid(s), most)
		}
		return attribute.StringSliceValue(all)
	case attribute.BYTESLICE:
		if b := v.AsByteSlice(); len(b) > most {
			return attribute.ByteSliceValue(b[:most])
		}
	case attribute.SLICE:
		all := v.AsSlice()
		for i, e := range all {
			all[i] = sanitizeValue(e, most)
		}
		return attribute.SliceValue(all...)
	case attribute.MAP:
		all := v.AsMap()
		for i, kv := range all {
			all[i] = sanitizeKeyValue(kv, most)
		}
		return attribute.MapValue(all...)
	}
	return v
}

// Scope sanitizes an instrumentation scope.
func Scope(s instrumentation.Scope) instrumentation.Scope {
	s.Name, s.Version, s.SchemaURL = text.Valid(s.Name), text.Valid(s.Version), text.Valid(s.SchemaURL)
	if s.Attributes.Len() > 0 {
		s.Attributes = attribute.NewSet(Labels(s.Attributes.ToSlice())...)
	}
	return s
}

// maxResourceText bounds a text of a resource, in bytes: each batch carries it.
const maxResourceText = 4 << 10

// Resource is a resource with sanitized texts. The zero value is empty.
type Resource struct{ sdk *resource.Resource }

// NewResource sanitizes a resource; nil is an empty one.
func NewResource(r *resource.Resource) Resource {
	if r == nil {
		return Resource{}
	}
	kvs := r.Attributes()
	if mended := sanitizeAll(kvs, maxResourceText); len(kvs) > 0 && &mended[0] != &kvs[0] {
		r = resource.NewWithAttributes(text.Valid(r.SchemaURL()), mended...)
	}
	return Resource{r}
}

// SDK returns the resource for the SDK's providers.
func (r Resource) SDK() *resource.Resource {
	if r.sdk == nil {
		return resource.Empty()
	}
	return r.sdk
}
