package ingest

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"unicode/utf8"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Bounds of what comes from outside. What is longer is cut, what is more is left out, and both are counted.
const (
	maxText   = 64 << 10 // bytes of a text
	maxItems  = 1000     // attributes, events, links or elements in one list
	maxSpan   = 512 << 10
	maxMetric = 4 << 20 // with all of its data points
	maxDepth  = 32      // values in values
)

// cuts counts what was cut from messages.
type cuts struct {
	shortened int // texts
	leftOut   int // elements of lists, and values too deep in others
}

func newResource() proto.Message { return &resourcepb.Resource{} }
func newScope() proto.Message    { return &commonpb.InstrumentationScope{} }

func newSpan() proto.Message   { return &tracepb.Span{} }
func newLog() proto.Message    { return &logspb.LogRecord{} }
func newMetric() proto.Message { return &metricspb.Metric{} }

func cleanMetric(b []byte, c *cuts) []byte   { return clean(b, newMetric, maxMetric, nil, c) }
func cleanResource(b []byte, c *cuts) []byte { return clean(b, newResource, maxSpan, nil, c) }
func cleanScope(b []byte, c *cuts) []byte    { return clean(b, newScope, maxSpan, nil, c) }

func cleanLog(b []byte, c *cuts) []byte {
	return clean(b, newLog, maxSpan, func(f field) bool { return f.num != 6 || harmless(f.bytes) }, c)
}

func cleanSpan(b []byte, c *cuts) []byte {
	return clean(b, newSpan, maxSpan, func(f field) bool {
		switch f.num {
		case 9: // attributes
			return harmless(f.bytes)
		case 11: // events
			return allHarmless(f.bytes, 3)
		case 13: // links
			return allHarmless(f.bytes, 4)
		}
		return true
	}, c)
}

// small is the size up to which a message needs no bounds, in bytes.
const small = 8 << 10

// harmless says that an encoded attribute needs no redaction. It may be wrong in saying that one does.
func harmless(kv []byte) bool {
	key, value, err := attribute(kv)
	if err != nil || value.num > 4 || value.num == 1 && bytes.Contains(value.bytes, []byte("://")) { // lists have values, and attributes, in them
		return false
	}
	return !secretKey(string(key)) && (value.num != 1 || !strings.EqualFold(string(key), "url.query"))
}

// allHarmless says so of the attributes that are field num of a message.
func allHarmless(message []byte, num protowire.Number) bool {
	return fields(message, func(f field) error {
		if f.num == num && !harmless(f.bytes) {
			return errMessage
		}
		return nil
	}) == nil
}

// knownKeys has for names of attributes whether their values are secrets, for the first ones that came: telling it takes longer
// than the rest of an attribute.
var knownKeys struct {
	sync.RWMutex
	secret map[string]bool
}

// maxKeys bounds the names in knownKeys, maxKey the length of each.
const maxKeys, maxKey = 4096, 256

// secretKey says whether the last part of an attribute's name is that of a secret.
func secretKey(key string) bool {
	knownKeys.RLock()
	secret, known := knownKeys.secret[key]
	knownKeys.RUnlock()
	if known {
		return secret
	}
	secret = redact.Secret(key[strings.LastIndexByte(key, '.')+1:])
	if len(key) <= maxKey {
		knownKeys.Lock()
		defer knownKeys.Unlock()
		if knownKeys.secret == nil {
			knownKeys.secret = map[string]bool{}
		}
		if len(knownKeys.secret) < maxKeys {
			knownKeys.secret[key] = secret
		}
	}
	return secret
}

// clean returns a message as it may be stored: nil if it is none, or has more than most bytes all the same. A small one is stored as it came
// if its fields are harmless, which almost all are; nil: none is.
func clean(b []byte, empty func() proto.Message, most int, isHarmless func(field) bool, c *cuts) []byte {
	if len(b) == 0 {
		return []byte{}
	}
	m := empty()
	if (proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 200}).Unmarshal(b, m) != nil {
		b = append([]byte(nil), b...)
		if !mendText(b, m.ProtoReflect().Descriptor(), 0) {
			return nil
		}
		m = empty()
		if (proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 200}).Unmarshal(b, m) != nil {
			return nil
		}
	}
	if isHarmless != nil && len(b) <= small && fields(b, func(f field) error {
		if !isHarmless(f) {
			return errMessage
		}
		return nil
	}) == nil {
		return b
	}
	cut := *c
	cut.bound(m.ProtoReflect(), 0)
	b, err := proto.Marshal(m)
	if err != nil || len(b) > most {
		return nil
	}
	*c = cut
	return b
}

// mendText replaces bytes that are no UTF-8 in the texts of an encoded message, in place: by as many question marks, so that no length
// changes. false: it is no message.
func mendText(b []byte, of protoreflect.MessageDescriptor, depth int) bool {
	if depth > 2*maxDepth {
		return true // it will be cut
	}
	return fields(b, func(f field) error {
		d := of.Fields().ByNumber(f.num)
		switch {
		case d == nil || f.bytes == nil:
		case d.Kind() == protoreflect.StringKind:
			for i := 0; i < len(f.bytes); {
				r, n := utf8.DecodeRune(f.bytes[i:])
				if r == utf8.RuneError && n == 1 {
					f.bytes[i] = '?'
				}
				i += n
			}
		case d.Kind() == protoreflect.MessageKind:
			if !mendText(f.bytes, d.Message(), depth+1) {
				return errMessage
			}
		}
		return nil
	}) == nil
}

// bound cuts long texts and lists, and redacts secrets.
func (c *cuts) bound(m protoreflect.Message, depth int) {
	if kv, ok := m.Interface().(*commonpb.KeyValue); ok {
		redactAttribute(kv)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			c.boundList(m, f, v.List(), depth)
		case f.Kind() == protoreflect.MessageKind && depth >= maxDepth:
			m.Clear(f)
			c.leftOut++
		case f.Kind() == protoreflect.MessageKind:
			c.bound(v.Message(), depth+1)
		case f.Kind() == protoreflect.StringKind && len(v.String()) > maxText:
			m.Set(f, protoreflect.ValueOfString(text.Cut(v.String(), maxText)))
			c.shortened++
		case f.Kind() == protoreflect.BytesKind && len(v.Bytes()) > maxText:
			m.Set(f, protoreflect.ValueOfBytes(v.Bytes()[:maxText]))
			c.shortened++
		}
		return true
	})
}

// boundList cuts a list. OTLP has fields that say how many attributes, events and links of a message are not in it.
func (c *cuts) boundList(m protoreflect.Message, f protoreflect.FieldDescriptor, list protoreflect.List, depth int) {
	if more := list.Len() - maxItems; more > 0 && f.Kind() == protoreflect.MessageKind && f.Name() != "data_points" {
		list.Truncate(maxItems)
		c.leftOut += more
		if dropped := m.Descriptor().Fields().ByName("dropped_" + f.Name() + "_count"); dropped != nil {
			m.Set(dropped, protoreflect.ValueOfUint32(uint32(min(m.Get(dropped).Uint()+uint64(more), math.MaxUint32))))
		}
	}
	for i := range list.Len() {
		switch f.Kind() {
		case protoreflect.MessageKind:
			c.bound(list.Get(i).Message(), depth+1)
		case protoreflect.StringKind:
			if s := list.Get(i).String(); len(s) > maxText {
				list.Set(i, protoreflect.ValueOfString(text.Cut(s, maxText)))
				c.shortened++
			}
		}
	}
}

// redactAttribute redacts a value whose name says that it is a secret, and secrets in URLs and texts.
func redactAttribute(kv *commonpb.KeyValue) {
	if secretKey(kv.GetKey()) {
		kv.Value = &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: redact.Mark}}
		return
	}
	v, ok := kv.GetValue().GetValue().(*commonpb.AnyValue_StringValue)
	switch {
	case !ok:
	case strings.EqualFold(kv.GetKey(), "url.query"):
		v.StringValue = redact.Query(v.StringValue)
	case strings.Contains(v.StringValue, "://"):
		v.StringValue = redact.Text(v.StringValue)
	}
}
