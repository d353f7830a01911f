// Package mend is where outside text becomes fit for a signal. A receiver refuses a whole batch for one byte that is no
// UTF-8, and Prometheus a whole page, so each string that telemetry is given goes through here or through package span,
// which writes spans: by the types of this package ([Logger], [Resource]) and of package bound, which are all that the
// rest of telemetry can write with.
package mend

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// maxLabel bounds a text that measurements are told by, in bytes. Each is kept for as long as the process lives.
const maxLabel = 1 << 10

// Label is s as a text that measurements are told by.
func Label(s string) string { return text.Cut(text.Valid(s), maxLabel) }

// Labels are the attributes of a measurement.
func Labels(kvs []attribute.KeyValue) []attribute.KeyValue { return each(kvs, maxLabel) }

// Attributes are attributes of a span, as long as they are.
func Attributes(kvs []attribute.KeyValue) []attribute.KeyValue { return each(kvs, math.MaxInt) }

// each mends attributes whose texts have at most most bytes. kvs stays as it is, and is the result if nothing is to be
// mended.
func each(kvs []attribute.KeyValue, most int) []attribute.KeyValue {
	for i, kv := range kvs {
		if sound(kv, most) {
			continue
		}
		out := append([]attribute.KeyValue(nil), kvs...)
		for j := i; j < len(out); j++ {
			out[j] = keyValue(out[j], most)
		}
		return out
	}
	return kvs
}

func sound(kv attribute.KeyValue, most int) bool {
	if !fits(string(kv.Key), most) {
		return false
	}
	switch kv.Value.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return true
	case attribute.STRING:
		return fits(kv.Value.AsString(), most)
	}
	return false // of lists and maps a copy is made anyway
}

func fits(s string, most int) bool { return len(s) <= most && text.Valid(s) == s }

func keyValue(kv attribute.KeyValue, most int) attribute.KeyValue {
	return attribute.KeyValue{Key: attribute.Key(text.Cut(text.Valid(string(kv.Key)), most)), Value: value(kv.Value, most)}
}

// value mends what a value holds, however deep.
func value(v attribute.Value, most int) attribute.Value {
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
			all[i] = value(e, most)
		}
		return attribute.SliceValue(all...)
	case attribute.MAP:
		all := v.AsMap()
		for i, kv := range all {
			all[i] = keyValue(kv, most)
		}
		return attribute.MapValue(all...)
	}
	return v
}

// Scope is the instrumentation scope s.
func Scope(s instrumentation.Scope) instrumentation.Scope {
	s.Name, s.Version, s.SchemaURL = text.Valid(s.Name), text.Valid(s.Version), text.Valid(s.SchemaURL)
	if s.Attributes.Len() > 0 {
		s.Attributes = attribute.NewSet(Labels(s.Attributes.ToSlice())...)
	}
	return s
}

// maxFact bounds a text of a resource, in bytes: each batch carries it.
const maxFact = 4 << 10

// Resource is a resource whose texts are sound. The zero value is empty.
type Resource struct{ sdk *resource.Resource }

// NewResource mends a resource; nil is an empty one.
func NewResource(r *resource.Resource) Resource {
	if r == nil {
		return Resource{}
	}
	kvs := r.Attributes()
	if mended := each(kvs, maxFact); len(kvs) > 0 && &mended[0] != &kvs[0] {
		r = resource.NewWithAttributes(text.Valid(r.SchemaURL()), mended...)
	}
	return Resource{r}
}

// SDK is the resource as the SDK's providers want it.
func (r Resource) SDK() *resource.Resource {
	if r.sdk == nil {
		return resource.Empty()
	}
	return r.sdk
}
