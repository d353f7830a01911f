package app

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Schema is the manifest's JSON Schema (draft 2020-12), made from the Go types.
func Schema() ([]byte, error) {
	root := schemaOf(reflect.TypeFor[Manifest](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaURL
	root["title"] = "Vitrine workload"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(text, '\n'), nil
}

func schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := reflect.New(t).Interface().(scalar); ok {
		text := map[string]any{"type": "string", "pattern": s.pattern()}
		if s.number() {
			return map[string]any{"oneOf": []any{text, map[string]any{"type": "integer", "minimum": 1}}}
		}
		return text
	}
	switch t.Kind() {
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for _, f := range fieldsOf(t) {
			if f.later() {
				continue
			}
			p := schemaOf(t.Field(f.index).Type, f.tag)
			if doc := f.tag.Get("doc"); doc != "" {
				p["description"] = doc
			}
			properties[f.key] = p
			if f.required {
				required = append(required, f.key)
			}
		}
		out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			out["required"] = required
		}
		return out
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), "")}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), "")}
	case reflect.Int:
		out := map[string]any{"type": "integer"}
		for tagName, name := range map[string]string{"min": "minimum", "max": "maximum"} {
			if n, err := strconv.ParseInt(tag.Get(tagName), 10, 64); err == nil {
				out[name] = n
			}
		}
		return out
	}
	out := map[string]any{"type": "string"}
	if enum := tag.Get("enum"); enum != "" {
		out["enum"] = offered(tag)
	}
	return out
}
