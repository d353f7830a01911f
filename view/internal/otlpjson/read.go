package otlpjson

import (
	"encoding/base64"
	"encoding/hex"

	"google.golang.org/protobuf/encoding/protojson"
)

var lenient = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 200}

// rewrite makes OTLP's JSON that of protobuf: hexadecimal identifiers become base64.
func rewrite(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			rewrite(e)
		}
	case map[string]any:
		for key, e := range v {
			text, ok := e.(string)
			switch key {
			case "traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id":
				if raw, err := hex.DecodeString(text); ok && err == nil {
					v[key] = base64.StdEncoding.EncodeToString(raw)
				}
			default:
				rewrite(e)
			}
		}
	}
}
