// Package otlpjson writes OTLP's messages as JSON, and reads them, by the rules of OTLP over HTTP: identifiers are hexadecimal, numbers
// of 64 bits are texts, and enumerations are numbers.
package otlpjson

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Append appends a message to b. Fields that are not set are left out.
func Append(b []byte, m proto.Message) []byte { return appendMessage(b, m.ProtoReflect()) }

// Value is the JSON of an attribute's value without the names of its types: a text, number, true, false, null, array or object.
func Value(v *commonpb.AnyValue) []byte { return appendPlain(nil, v, 0) }

// isID says whether a field of bytes is an identifier.
func isID(f protoreflect.FieldDescriptor) bool {
	switch f.Name() {
	case "trace_id", "span_id", "parent_span_id":
		return true
	}
	return false
}

func appendMessage(b []byte, m protoreflect.Message) []byte {
	b = append(b, '{')
	first := true
	all := m.Descriptor().Fields()
	for i := range all.Len() {
		f := all.Get(i)
		if !m.Has(f) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		b = append(b, f.JSONName()...)
		b = append(b, '"', ':')
		if !f.IsList() {
			b = appendField(b, f, m.Get(f))
			continue
		}
		b = append(b, '[')
		list := m.Get(f).List()
		for j := range list.Len() {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendField(b, f, list.Get(j))
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendField(b []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return appendMessage(b, v.Message())
	case protoreflect.StringKind:
		return AppendString(b, v.String())
	case protoreflect.BytesKind:
		b = append(b, '"')
		if isID(f) {
			b = hex.AppendEncode(b, v.Bytes())
		} else {
			b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		}
		return append(b, '"')
	case protoreflect.BoolKind:
		return strconv.AppendBool(b, v.Bool())
	case protoreflect.EnumKind:
		return strconv.AppendInt(b, int64(v.Enum()), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return strconv.AppendUint(b, v.Uint(), 10)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return strconv.AppendInt(b, v.Int(), 10)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		b = append(b, '"')
		return append(strconv.AppendUint(b, v.Uint(), 10), '"')
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		b = append(b, '"')
		return append(strconv.AppendInt(b, v.Int(), 10), '"')
	}
	return appendFloat(b, v.Float())
}

// appendFloat appends a number; those that JSON does not have are texts.
func appendFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

const hexDigits = "0123456789abcdef"

// AppendString appends a JSON text. What is no UTF-8 becomes U+FFFD, and what would end a script in HTML is escaped.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
				b = append(b, s[start:i]...)
				b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
				start = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != 0x7f {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// maxDepth bounds the values inside values.
const maxDepth = 64

func appendPlain(b []byte, v *commonpb.AnyValue, depth int) []byte {
	if depth > maxDepth {
		return append(b, `"…"`...)
	}
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return AppendString(b, x.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return strconv.AppendBool(b, x.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.AppendInt(b, x.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return appendFloat(b, x.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		return AppendString(b, base64.StdEncoding.EncodeToString(x.BytesValue))
	case *commonpb.AnyValue_ArrayValue:
		b = append(b, '[')
		for i, e := range x.ArrayValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendPlain(b, e, depth+1)
		}
		return append(b, ']')
	case *commonpb.AnyValue_KvlistValue:
		b = append(b, '{')
		for i, e := range x.KvlistValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, e.GetKey()), ':')
			b = appendPlain(b, e.GetValue(), depth+1)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// Unmarshal reads a message. Names that it does not know are skipped, as OTLP says.
func Unmarshal(b []byte, m proto.Message) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	rewrite(v)
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := lenient.Unmarshal(b, m); err != nil {
		return fmt.Errorf("not an OTLP message: %w", err)
	}
	return nil
}
