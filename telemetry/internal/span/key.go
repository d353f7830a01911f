package span

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// Key is the key of an attribute, encoded once.
type Key struct{ name, encoded string }

// NewKey encodes a key, for package variables.
func NewKey(k attribute.Key) Key {
	name := fitText(string(k), -1)
	return Key{name, string(appendText(nil, tagKey, name))}
}

// The methods below append one attribute to a span, if it is recording. The caller must not set a key twice, and must own the span:
// between [Tracer.Open] and [Span.Start], or between [Span.Lock] and [Span.Unlock].

// Str sets a text.
func (s *Span) Str(k Key, v string) {
	d := s.reserve(k)
	if d == nil {
		return
	}
	v = fitText(v, s.t.p.bounds.length)
	size := 1 + protowire.SizeBytes(len(v))
	b := append(d.b, tagAttribute)
	b = protowire.AppendVarint(b, uint64(len(k.encoded)+1+protowire.SizeBytes(size)))
	b = append(b, k.encoded...)
	b = append(b, tagValue)
	b = protowire.AppendVarint(b, uint64(size))
	d.b = appendText(b, tagString, v)
}

// Int sets a whole number.
func (s *Span) Int(k Key, v int64) {
	d := s.reserve(k)
	if d == nil {
		return
	}
	b := scalar(d.b, k, 1+protowire.SizeVarint(uint64(v)))
	d.b = protowire.AppendVarint(append(b, tagInt), uint64(v))
}

// Bool sets a boolean.
func (s *Span) Bool(k Key, v bool) {
	d := s.reserve(k)
	if d == nil {
		return
	}
	d.b = append(scalar(d.b, k, 2), tagBool, byte(protowire.EncodeBool(v)))
}

// Float sets a floating-point number.
func (s *Span) Float(k Key, v float64) {
	d := s.reserve(k)
	if d == nil {
		return
	}
	b := append(scalar(d.b, k, 9), tagDouble)
	d.b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// scalar begins an attribute whose value, with its tag, has less than 128 bytes.
func scalar(b []byte, k Key, size int) []byte {
	b = append(b, tagAttribute)
	b = protowire.AppendVarint(b, uint64(len(k.encoded)+2+size))
	b = append(b, k.encoded...)
	return append(b, tagValue, byte(size))
}

// reserve counts one more attribute and returns the buffer for it; nil if the span is not recording or the limit is reached.
func (s *Span) reserve(k Key) *buffer {
	d := s.d
	if d == nil || d.apiAttributes && d.remove(k.name) {
		return d
	}
	if limit := s.t.p.limits.AttributeCountLimit; limit >= 0 && d.attrs >= limit {
		d.droppedAttrs++
		return nil
	}
	d.attrs++
	return d
}
