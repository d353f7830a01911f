package span

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"

	outside "github.com/vitrine-wasm/vitrine/internal/text"
)

// Tags of the fields in opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
const (
	bytesType  = byte(protowire.BytesType)
	varintType = byte(protowire.VarintType)
	fixed64    = byte(protowire.Fixed64Type)
	fixed32    = byte(protowire.Fixed32Type)

	tagTraceID       = 1<<3 | bytesType
	tagSpanID        = 2<<3 | bytesType
	tagTraceState    = 3<<3 | bytesType
	tagParentID      = 4<<3 | bytesType
	tagName          = 5<<3 | bytesType
	tagKind          = 6<<3 | varintType
	tagStart         = 7<<3 | fixed64
	tagEnd           = 8<<3 | fixed64
	tagAttribute     = 9<<3 | bytesType
	tagDroppedAttrs  = 10<<3 | varintType
	tagEvent         = 11<<3 | bytesType
	tagDroppedEvents = 12<<3 | varintType
	tagLink          = 13<<3 | bytesType
	tagDroppedLinks  = 14<<3 | varintType
	tagStatus        = 15<<3 | bytesType

	// Field 16, flags, is the only one whose tag has two bytes.
	tagFlags0, tagFlags1 = byte(16<<3&0x7f) | fixed32 | 0x80, byte(16 << 3 >> 7)

	tagKey   = 1<<3 | bytesType // of KeyValue
	tagValue = 2<<3 | bytesType

	tagString = 1<<3 | bytesType // of AnyValue
	tagBool   = 2<<3 | varintType
	tagInt    = 3<<3 | varintType
	tagDouble = 4<<3 | fixed64
	tagArray  = 5<<3 | bytesType
	tagMap    = 6<<3 | bytesType
	tagBytes  = 7<<3 | bytesType

	tagElement = 1<<3 | bytesType // of ArrayValue and KeyValueList
)

// maxText bounds each text of a span, in bytes, whatever the limit: a target or a query may be as long as headers may, and a
// receiver takes 4 MiB at once.
const maxText = 64 << 10

// fitText makes s valid UTF-8, since a receiver may refuse a whole batch for one bad byte, and cuts it to limit characters unless
// limit is negative.
func fitText(s string, limit int) string {
	if len(s) > maxText && (limit < 0 || limit > maxText) {
		s = outside.Cut(s, maxText)
	}
	if !utf8.ValidString(s) {
		mark := "\uFFFD"
		if limit >= 0 && len(s) > limit { // as in the SDK, bad bytes do not count if a text is cut
			mark = ""
		}
		s = strings.ToValidUTF8(s, mark)
	}
	if limit < 0 || len(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			return s[:i]
		}
		n++
	}
	return s
}

func appendText(b []byte, tag byte, s string) []byte {
	return protowire.AppendString(append(b, tag), s)
}

// openMessage begins a nested message, whose length closeMessage sets.
func openMessage(b []byte, tag byte) ([]byte, int) {
	b = append(b, tag, 0)
	return b, len(b)
}

// closeMessage sets the length of the message that begins at from.
func closeMessage(b []byte, from int) []byte {
	n := len(b) - from
	more := protowire.SizeVarint(uint64(n)) - 1
	if more > 0 {
		b = append(b, make([]byte, more)...)
		copy(b[from+more:], b[from:len(b)-more])
	}
	protowire.AppendVarint(b[:from-1], uint64(n))
	return b
}

// bounds are the limits of an attribute's value; negative for none.
type bounds struct{ length, depth int }

// appendKeyValue writes a KeyValue as a field.
func appendKeyValue(b []byte, tag byte, kv attribute.KeyValue, l bounds) []byte {
	b, from := openMessage(b, tag)
	b = appendText(b, tagKey, fitText(string(kv.Key), -1))
	b, value := openMessage(b, tagValue)
	b = appendValue(b, kv.Value, l)
	return closeMessage(closeMessage(b, value), from)
}

// appendValue writes the field of an AnyValue; none for an empty value. A list or map nested deeper than the limit is empty.
func appendValue(b []byte, v attribute.Value, l bounds) []byte {
	switch v.Type() {
	case attribute.BOOL:
		return protowire.AppendVarint(append(b, tagBool), protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		return protowire.AppendVarint(append(b, tagInt), uint64(v.AsInt64()))
	case attribute.FLOAT64:
		return appendDouble(b, v.AsFloat64())
	case attribute.STRING:
		return appendText(b, tagString, fitText(v.AsString(), l.length))
	case attribute.EMPTY:
		return b
	}
	if l.depth == 0 {
		return b
	}
	l.depth--
	switch v.Type() {
	case attribute.BYTESLICE:
		raw := v.AsByteSlice()
		raw = raw[:min(len(raw), maxText)]
		if l.length >= 0 {
			raw = raw[:min(len(raw), l.length)]
		}
		return protowire.AppendBytes(append(b, tagBytes), raw)
	case attribute.MAP:
		b, from := openMessage(b, tagMap)
		kvs := v.AsMap() // sorted; the last of equal keys counts
		for i, kv := range kvs {
			if i+1 == len(kvs) || kvs[i+1].Key != kv.Key {
				b = appendKeyValue(b, tagElement, kv, l)
			}
		}
		return closeMessage(b, from)
	}
	b, from := openMessage(b, tagArray)
	for _, e := range elements(v) {
		var element int
		b, element = openMessage(b, tagElement)
		b = closeMessage(appendValue(b, e, l), element)
	}
	return closeMessage(b, from)
}

func appendDouble(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, tagDouble), math.Float64bits(v))
}

// elements returns the values of a list of any type.
func elements(v attribute.Value) []attribute.Value {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return convert(v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		return convert(v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		return convert(v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.STRINGSLICE:
		return convert(v.AsStringSlice(), attribute.StringValue)
	case attribute.SLICE:
		return v.AsSlice()
	}
	return nil
}

func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
