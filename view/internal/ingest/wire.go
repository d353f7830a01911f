package ingest

import (
	"errors"
	"math"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// errMessage says that bytes are no message.
var errMessage = errors.New("not an OTLP message")

// field is a field of an encoded message: number is what varint, fixed64 and fixed32 fields have, bytes the others.
type field struct {
	num    protowire.Number
	number uint64
	bytes  []byte
}

// fields calls f for each field of a message, until it returns an error.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMessage
		}
		b = b[n:]
		one := field{num: num}
		switch typ {
		case protowire.VarintType:
			one.number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			one.number, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			one.bytes, n = protowire.ConsumeBytes(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			one.number = uint64(v)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errMessage
		}
		b = b[n:]
		if err := f(one); err != nil {
			return err
		}
	}
	return nil
}

// signal is one of OTLP's signals: how what is inside its messages becomes a part of a batch.
type signal struct {
	path string // as OTLP's paths name it
	name string // what its messages have
	// add appends an encoded span, record or metric to a batch. false: it is none.
	add func(b *store.Batch, source int, encoded []byte) bool
	// clean checks and mends what comes from outside; nil: what cannot be mended.
	clean func(encoded []byte, c *cuts) []byte
}

// taken says what of a message is not in a batch as it was.
type taken struct {
	rejected int // parts that are no spans, records or metrics, or are too large
	cuts
}

var (
	traces  = &signal{"traces", "spans", addSpan, cleanSpan}
	logs    = &signal{"logs", "log records", addLog, cleanLog}
	metrics = &signal{"metrics", "metrics", addMetric, cleanMetric}
)

// read appends a request of the signal, or any message with its data as field 1, to a batch. Untrusted data is cleaned.
func (s *signal) read(b *store.Batch, message []byte, trusted bool) (told taken, err error) {
	err = fields(message, func(f field) error {
		if f.num != 1 {
			return nil
		}
		var resource []byte
		if err := fields(f.bytes, func(f field) error {
			if f.num == 1 {
				resource = f.bytes
			}
			return nil
		}); err != nil {
			return err
		}
		if !trusted {
			resource = cleanResource(resource, &told.cuts)
		}
		service := serviceName(resource)
		return fields(f.bytes, func(f field) error {
			if f.num != 2 {
				return nil
			}
			return s.readScope(b, store.Source{Resource: resource, Service: service}, f.bytes, trusted, &told)
		})
	})
	return told, err
}

func (s *signal) readScope(b *store.Batch, source store.Source, message []byte, trusted bool, told *taken) error {
	at := -1
	if err := fields(message, func(f field) error {
		if f.num == 1 {
			source.Scope = f.bytes
		}
		return nil
	}); err != nil {
		return err
	}
	if !trusted {
		source.Scope = cleanScope(source.Scope, &told.cuts)
	}
	return fields(message, func(f field) error {
		if f.num != 2 {
			return nil
		}
		encoded := f.bytes
		if !trusted {
			if encoded = s.clean(encoded, &told.cuts); encoded == nil {
				told.rejected++
				return nil
			}
		}
		if at < 0 {
			at = len(b.Sources)
			b.Sources = append(b.Sources, source)
		}
		if !s.add(b, at, encoded) {
			told.rejected++
		}
		return nil
	})
}

// serviceName is service.name of an encoded resource.
func serviceName(resource []byte) string {
	name := "unknown_service"
	_ = fields(resource, func(f field) error {
		if f.num == 1 {
			if key, value, err := attribute(f.bytes); err == nil && string(key) == "service.name" && value.num == 1 {
				name = string(value.bytes)
			}
		}
		return nil
	})
	return name
}

// attribute reads a KeyValue: its key, and the field that its value has.
func attribute(b []byte) (key []byte, value field, err error) {
	err = fields(b, func(f field) error {
		switch f.num {
		case 1:
			key = f.bytes
		case 2:
			return fields(f.bytes, func(v field) error { value = v; return nil })
		}
		return nil
	})
	return key, value, err
}

// moment makes an OTLP time an int64.
func moment(ns uint64) int64 { return int64(min(ns, math.MaxInt64)) }

// maxStatus is the largest status of HTTP.
const maxStatus = 999

func addSpan(b *store.Batch, source int, encoded []byte) bool {
	s := store.Span{Source: source, Encoded: encoded}
	err := fields(encoded, func(f field) error {
		switch f.num {
		case 1:
			if copy(s.Trace[:], f.bytes) != len(s.Trace) {
				return errMessage
			}
		case 2:
			if copy(s.ID[:], f.bytes) != len(s.ID) {
				return errMessage
			}
		case 4:
			copy(s.Parent[:], f.bytes)
		case 5:
			s.Name = string(f.bytes)
		case 7:
			s.Start = moment(f.number)
		case 8:
			s.End = moment(f.number)
		case 9:
			if key, value, err := attribute(f.bytes); err == nil && string(key) == "http.response.status_code" && value.num == 3 && value.number <= maxStatus {
				s.Status = int(value.number)
			}
		case 15:
			return fields(f.bytes, func(f field) error {
				if f.num == 3 {
					s.Failed = f.number == 2 // STATUS_CODE_ERROR
				}
				return nil
			})
		}
		return nil
	})
	if err != nil || s.Trace == (store.TraceID{}) || s.ID == (store.SpanID{}) {
		return false
	}
	s.End = max(s.End, s.Start)
	b.Spans = append(b.Spans, s)
	return true
}

func addLog(b *store.Batch, source int, encoded []byte) bool {
	l := store.Log{Source: source, Encoded: encoded}
	var observed int64
	err := fields(encoded, func(f field) error {
		switch f.num {
		case 1:
			l.Time = moment(f.number)
		case 11:
			observed = moment(f.number)
		case 2:
			l.Severity = int(min(f.number, 24))
		case 5:
			l.Body = bodyText(f.bytes)
		case 9:
			copy(l.Trace[:], f.bytes)
		case 10:
			copy(l.Span[:], f.bytes)
		}
		return nil
	})
	if l.Time == 0 {
		l.Time = observed
	}
	if l.Time == 0 {
		l.Time = time.Now().UnixNano()
	}
	b.Logs = append(b.Logs, l)
	return err == nil
}

// bodyText is an encoded AnyValue as text.
func bodyText(value []byte) string {
	if n := len(value); n > 0 && value[0] == 1<<3|byte(protowire.BytesType) {
		if s, m := protowire.ConsumeBytes(value[1:]); m == n-1 {
			return string(s)
		}
	}
	var v commonpb.AnyValue
	if proto.Unmarshal(value, &v) != nil {
		return ""
	}
	return string(otlpjson.Value(&v))
}

func addMetric(b *store.Batch, source int, encoded []byte) bool {
	p := store.Point{Source: source, Encoded: encoded}
	err := fields(encoded, func(f field) error {
		switch f.num {
		case 1:
			p.Name = string(f.bytes)
		case 5, 7, 9, 10, 11: // gauge, sum, histogram, exponential histogram, summary
			p.Time = max(p.Time, collected(f.bytes))
		}
		return nil
	})
	if p.Time == 0 {
		p.Time = time.Now().UnixNano()
	}
	b.Points = append(b.Points, p)
	return err == nil
}

// collected is the time of the last data point of an encoded aggregation; 0: it has none.
func collected(aggregation []byte) (last int64) {
	_ = fields(aggregation, func(f field) error {
		if f.num != 1 || f.bytes == nil {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			if f.num == 3 { // time_unix_nano of every kind of data point
				last = max(last, moment(f.number))
			}
			return nil
		})
	})
	return last
}

// Attribute is the encoded form of an attribute with a value that is a text, a whole number or true or false: bytes that a
// span has in it if and, but for texts in it that look like one, only if it has the attribute.
func Attribute(key string, value any) []byte {
	var v []byte
	switch value := value.(type) {
	case string:
		v = protowire.AppendTag(v, 1, protowire.BytesType)
		v = protowire.AppendString(v, value)
	case bool:
		v = protowire.AppendTag(v, 2, protowire.VarintType)
		v = protowire.AppendVarint(v, protowire.EncodeBool(value))
	case int64:
		v = protowire.AppendTag(v, 3, protowire.VarintType)
		v = protowire.AppendVarint(v, uint64(value))
	}
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendString(b, key)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

// AttributeKey is the beginning of the encoded form of an attribute with any value.
func AttributeKey(key string) []byte {
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendString(b, key)
	return protowire.AppendTag(b, 2, protowire.BytesType)
}

// ScopeName is the name of an encoded InstrumentationScope.
func ScopeName(scope []byte) (name string) {
	_ = fields(scope, func(f field) error {
		if f.num == 1 {
			name = string(f.bytes)
		}
		return nil
	})
	return name
}
