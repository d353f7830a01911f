package app

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Schema is the manifest's JSON Schema (draft 2020-12), made from the Go types. It accepts and refuses each value by itself as the
// reader does; only the reader checks a value against other values, files, and grammars that a pattern cannot express. It omits
// keys and values that are not supported yet, except that a list of such is accepted while it is empty (services: []).
func (f *Format) Schema() ([]byte, error) {
	root := f.schemaOf(reflect.TypeFor[v1alpha1.Workload](), "")
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
		t = reflect.TypeFor[v1alpha1.Duration]()
	case reflect.TypeFor[v1alpha1.Trigger]():
		return f.triggerSchema()
	case reflect.TypeFor[v1alpha1.StoreGrant]():
		return f.storeSchema(tag.Get("stores"))
	}
	if s, ok := reflect.New(t).Interface().(v1alpha1.Scalar); ok {
		text := map[string]any{"type": "string", "pattern": s.Pattern()}
		if s.Number() {
			return map[string]any{"oneOf": []any{text, map[string]any{"type": "integer", "minimum": 1}}}
		}
		return text
	}
	switch t.Kind() {
	case reflect.Struct:
		return f.structSchema(t, tag)
	case reflect.Slice:
		list := bounded(map[string]any{"type": "array", "items": f.schemaOf(t.Elem(), elementTag(tag))}, tag, "minItems", "minItems")
		return bounded(list, tag, "maxItems", "maxItems")
	case reflect.Map:
		out := map[string]any{"type": "object", "additionalProperties": f.schemaOf(t.Elem(), elementTag(tag))}
		if keys := tag.Get("keys"); keys != "" {
			out["propertyNames"] = map[string]any{"pattern": keys}
		}
		return out
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		out := bounded(map[string]any{"type": "integer"}, tag, "min", "minimum")
		if out["minimum"] == nil {
			out["minimum"] = 0
		}
		return bounded(out, tag, "max", "maximum")
	}
	out := bounded(map[string]any{"type": "string"}, tag, "minLength", "minLength")
	if enum := tag.Get("enum"); enum != "" {
		out["enum"] = supportedValues(tag)
	}
	return out
}

func (f *Format) structSchema(t reflect.Type, tag reflect.StructTag) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, field := range fieldsOf(t) {
		fieldType := t.Field(field.index).Type
		if field.unsupported() && fieldType.Kind() != reflect.Slice {
			continue
		}
		p := f.schemaOf(fieldType, field.tag)
		if field.unsupported() {
			p = map[string]any{"type": "array", "maxItems": 0}
		}
		if field.required {
			required = append(required, field.key)
		} else {
			p = orNull(p)
		}
		if doc := field.tag.Get("doc"); doc != "" {
			if field.unsupported() {
				doc += " Not supported yet."
			}
			p["description"] = doc
		}
		properties[field.key] = p
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if tag.Get("one") != "" {
		out["minProperties"], out["maxProperties"] = 1, 1
	}
	return out
}

// bounded sets keyword to the bound in the tag, if there is one.
func bounded(schema map[string]any, tag reflect.StructTag, name, keyword string) map[string]any {
	if n, err := strconv.ParseInt(tag.Get(name), 10, 64); err == nil {
		schema[keyword] = n
	}
	return schema
}

// orNull lets a value be null: for a key that is not required, null counts as absent.
func orNull(schema map[string]any) map[string]any {
	if one, ok := schema["oneOf"].([]any); ok {
		return map[string]any{"oneOf": append(one, map[string]any{"type": "null"})}
	}
	schema["type"] = []any{schema["type"], "null"}
	if enum, ok := schema["enum"].([]string); ok {
		all := []any{}
		for _, v := range enum {
			all = append(all, v)
		}
		schema["enum"] = append(all, nil)
	}
	return schema
}
