package app

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Schema is the manifest's JSON Schema (draft 2020-12), made from the Go types.
func (f *Format) Schema() ([]byte, error) {
	root := f.schemaOf(reflect.TypeFor[Manifest](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaURL
	root["title"] = "Vitrine workload"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(text, '\n'), nil
}

func (f *Format) schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[time.Duration]():
		t = reflect.TypeFor[Duration]()
	case reflect.TypeFor[Trigger]():
		return f.triggerSchema()
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
		for _, field := range fieldsOf(t) {
			if field.later() {
				continue
			}
			p := f.schemaOf(t.Field(field.index).Type, field.tag)
			if doc := field.tag.Get("doc"); doc != "" {
				p["description"] = doc
			}
			properties[field.key] = p
			if field.required {
				required = append(required, field.key)
			}
		}
		out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			out["required"] = required
		}
		return out
	case reflect.Slice:
		return map[string]any{"type": "array", "items": f.schemaOf(t.Elem(), "")}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": f.schemaOf(t.Elem(), "")}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
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
