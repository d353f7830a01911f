package otlp

import (
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// maxRecord bounds what one record is made of, in bytes and what their parts take in memory. The rest of a larger one is left out, and
// counted where the record can say so.
const maxRecord = 1 << 20

// partBytes is about what an attribute, event, link, point or exemplar takes in memory, without its texts.
const partBytes = 64

// room is what is left of such a bound.
type room int

// take says whether a part of so many bytes fits, and takes it.
func (r *room) take(b []byte) bool {
	n := room(partBytes + len(b))
	if n > *r {
		return false
	}
	*r -= n
	return true
}

// attribute decodes a KeyValue.
func attribute(b []byte) (kv otel.KeyValue) {
	for num, v := range otlp.keyValue.values(b) {
		switch num {
		case 1:
			kv.Key = string(v.bytes)
		case 2:
			kv.Value = anyValue(v.bytes)
		}
	}
	return kv
}

// add appends an attribute, or counts it as dropped.
func (r *room) add(to []otel.KeyValue, b []byte, dropped *uint32) []otel.KeyValue {
	if !r.take(b) {
		*dropped++
		return to
	}
	return append(to, attribute(b))
}

// anyValue decodes an AnyValue. How deep it is, check has bounded.
func anyValue(b []byte) (out otel.Value) {
	for num, v := range otlp.anyValue.values(b) {
		switch num {
		case 1:
			out = string(v.bytes)
		case 2:
			out = v.bits != 0
		case 3:
			out = int64(v.bits)
		case 4:
			out = v.double()
		case 5:
			out = arrayValue(v.bytes)
		case 6:
			out = mapValue(v.bytes)
		case 7:
			out = append([]byte{}, v.bytes...)
		}
	}
	return out
}

func arrayValue(b []byte) []otel.Value {
	list := []otel.Value{}
	for _, v := range otlp.anyValue.field(5).of.values(b) {
		list = append(list, anyValue(v.bytes))
	}
	return list
}

func mapValue(b []byte) []otel.KeyValue {
	kvs := []otel.KeyValue{}
	for _, v := range otlp.anyValue.field(6).of.values(b) {
		kvs = append(kvs, attribute(v.bytes))
	}
	return kvs
}

// maxScope bounds the attributes of a resource or a scope, which every record has.
const maxScope = 16 << 10

func resourceOf(b []byte, schemaURL string) *otel.Resource {
	r := &otel.Resource{SchemaURL: schemaURL}
	room, dropped := room(maxScope), uint32(0)
	for num, v := range otlp.resource.values(b) {
		if num == 1 {
			r.Attributes = room.add(r.Attributes, v.bytes, &dropped)
		}
	}
	return r
}

func scopeOf(b []byte, schemaURL string) otel.Scope {
	s := otel.Scope{SchemaURL: schemaURL}
	room, dropped := room(maxScope), uint32(0)
	for num, v := range otlp.scope.values(b) {
		switch num {
		case 1:
			s.Name = string(v.bytes)
		case 2:
			s.Version = string(v.bytes)
		case 3:
			s.Attributes = room.add(s.Attributes, v.bytes, &dropped)
		}
	}
	return s
}

// each calls f with every record of a request, and with the resource and the scope that it is told under.
func each(m *message, b []byte, f func(resource *otel.Resource, scope *otel.Scope, record []byte) bool) {
	ofResource := m.field(1).of
	ofScope := ofResource.field(2).of
	for _, r := range m.values(b) {
		resource := resourceOf(ofResource.last(r.bytes, 1), string(ofResource.last(r.bytes, 3)))
		for num, s := range ofResource.values(r.bytes) {
			if num != 2 {
				continue
			}
			scope := scopeOf(ofScope.last(s.bytes, 1), string(ofScope.last(s.bytes, 3)))
			for num, v := range ofScope.values(s.bytes) {
				if num == 2 && !f(resource, &scope, v.bytes) {
					return
				}
			}
		}
	}
}

func traceID(b []byte) (id otel.TraceID) {
	if len(b) == len(id) {
		copy(id[:], b)
	}
	return id
}

func spanID(b []byte) (id otel.SpanID) {
	if len(b) == len(id) {
		copy(id[:], b)
	}
	return id
}

func timeOf(ns uint64) otel.Time {
	return otel.Time{Seconds: ns / uint64(time.Second), Nanoseconds: uint32(ns % uint64(time.Second))}
}

// knownTime is nil for 0, which is how OTLP says that a time is unknown.
func knownTime(ns uint64) *otel.Time {
	if ns == 0 {
		return nil
	}
	t := timeOf(ns)
	return &t
}

// maxState bounds the text of a tracestate (W3C Trace Context §3.3.1.5 asks for 512 characters at least).
const maxState = 32 * 514

// stateOf splits a tracestate. Its entries are not checked here.
func stateOf(b []byte) (out otel.TraceState) {
	if len(b) == 0 || len(b) > maxState {
		return nil
	}
	for entry := range strings.SplitSeq(string(b), ",") {
		if entry = strings.Trim(entry, " \t"); entry != "" {
			k, v, _ := strings.Cut(entry, "=")
			out = append(out, otel.StateEntry{Key: k, Value: v})
		}
	}
	return out
}
