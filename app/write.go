package app

import (
	"bytes"
	"fmt"
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// SchemaURL is where editors find the manifest's JSON Schema.
const SchemaURL = "https://raw.githubusercontent.com/vitrine-wasm/vitrine/main/app/vitrine.schema.json"

// Write writes a document as YAML, with the keys in the order of the types and without keys that have no value; the first line
// names the schema for editors. Parse reads it back.
func Write(m *v1alpha1.Workload) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", SchemaURL)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return b.Bytes(), enc.Close()
}

// nodeOf is the tree that Write writes.
func nodeOf(m *v1alpha1.Workload) (*yaml.Node, error) {
	var n yaml.Node
	if err := n.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &n, nil
}

// configMap makes a trigger's config, a struct as in workload.TriggerType.Config, a document's mapping without empty keys.
func configMap(config any) map[string]any {
	if config == nil {
		return nil
	}
	m, _ := plainValue(reflect.ValueOf(config)).(map[string]any)
	if len(m) == 0 {
		return nil
	}
	return m
}

func plainValue(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plainValue(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for _, f := range fieldsOf(v.Type()) {
			if e := v.Field(f.index); f.required || !isEmpty(e) {
				out[f.key] = plainValue(e)
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plainValue(v.Index(i))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = plainValue(v.MapIndex(k))
		}
		return out
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return v.Int()
	}
	return v.String()
}

// isEmpty says whether v is the value of an absent key.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		for i := range v.NumField() {
			if !isEmpty(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}
