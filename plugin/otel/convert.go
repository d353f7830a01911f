package otel

import (
	"context"
	"slices"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// converter converts one record of the WIT.
type converter struct {
	json    int // bytes of JSON that may still be decoded
	badJSON int // values that are no JSON
	badIDs  int // texts that are no identifiers
}

// maxJSON bounds the JSON that is decoded for one record, and maxValue that of one value. A sink takes no more in one record; what
// is over a bound stays text, which the sink leaves out for its size.
const (
	maxJSON  = 4 << 20
	maxValue = 1 << 20
)

func newConverter() converter { return converter{json: maxJSON} }

// report tells the sink what was irregular.
func (c *converter) report(ctx context.Context, sink otel.Sink) {
	if c.badJSON > 0 {
		sink.Irregular(ctx, otel.IrregularJSON, c.badJSON)
	}
	if c.badIDs > 0 {
		sink.Irregular(ctx, otel.IrregularIdentifier, c.badIDs)
	}
}

func (c *converter) attributes(in []bindings.KeyValue) []otel.KeyValue {
	return c.attributesIn(nil, in)
}

// attributesIn is attributes in room, where that suffices.
func (c *converter) attributesIn(room []otel.KeyValue, in []bindings.KeyValue) []otel.KeyValue {
	if len(in) == 0 {
		return nil
	}
	out := slices.Grow(room, len(in))
	for i := range in {
		out = append(out, otel.KeyValue{Key: in[i].Key, Value: c.value(in[i].Value)})
	}
	return out
}

// value decodes a value. What is no JSON, or too long, is a string as it stands.
func (c *converter) value(text string) otel.Value {
	if len(text) > min(maxValue, c.json) {
		return text
	}
	c.json -= len(text)
	v, ok := decodeValue(text)
	if !ok {
		c.badJSON++
		return text
	}
	return v
}

func (c *converter) scope(s *bindings.InstrumentationScope) otel.Scope {
	return otel.Scope{Name: s.Name, Version: orZero(s.Version), SchemaURL: orZero(s.SchemaURL), Attributes: c.attributes(s.Attributes)}
}

func (c *converter) resource(r *bindings.Resource) otel.Resource {
	return otel.Resource{Attributes: c.attributes(r.Attributes), SchemaURL: orZero(r.SchemaURL)}
}

// spanContext converts the context of a span that the guest has made. Its sink counts one without identifiers.
func (c *converter) spanContext(s *bindings.SpanContext) otel.SpanContext {
	bad := c.badIDs
	out := c.linkContext(s)
	c.badIDs = bad
	return out
}

// linkContext converts a context that may be no span's.
func (c *converter) linkContext(s *bindings.SpanContext) otel.SpanContext {
	out := otel.SpanContext{TraceID: c.traceID(s.TraceID), SpanID: c.spanID(s.SpanID), Sampled: s.TraceFlags&bindings.TraceFlagsSampled != 0, IsRemote: s.IsRemote}
	if len(s.TraceState) > 0 {
		out.State = make(otel.TraceState, len(s.TraceState))
	}
	for i, e := range s.TraceState {
		out.State[i] = otel.StateEntry{Key: e.F0, Value: e.F1}
	}
	return out
}

// parentID is the identifier of a parent. Roots have none, or one of zeros; what is no identifier is none.
func (c *converter) parentID(text string) otel.SpanID { return c.spanID(text) }

func (c *converter) traceID(text string) (id otel.TraceID) {
	if !decodeID(id[:], text) {
		c.badIDs++
	}
	return id
}

func (c *converter) spanID(text string) (id otel.SpanID) {
	if !decodeID(id[:], text) {
		c.badIDs++
	}
	return id
}

// exemplarIDs are the identifiers of an exemplar's span. Some SDKs have sent their bytes in place of their digits.
func (c *converter) exemplarIDs(trace, span string) (t otel.TraceID, s otel.SpanID) {
	if decodeID(t[:], trace) && decodeID(s[:], span) {
		return t, s
	}
	if len(trace) == len(t) && len(span) == len(s) {
		copy(t[:], trace)
		copy(s[:], span)
		return t, s
	}
	c.badIDs++
	return otel.TraceID{}, otel.SpanID{}
}

// decodeID decodes hexadecimal digits of either case. Leading zeros may be missing, as in what an SDK for Rust sends; no digits
// are no identifier, which is not wrong. Otherwise id is zero.
func decodeID(id []byte, text string) (ok bool) {
	if len(text) > 2*len(id) {
		return false
	}
	at := 2*len(id) - len(text) // of the first digit
	for i := range len(text) {
		d, ok := digit(text[i])
		if !ok {
			clear(id)
			return false
		}
		if at%2 == 0 {
			d <<= 4
		}
		id[at/2] |= d
		at++
	}
	return true
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
