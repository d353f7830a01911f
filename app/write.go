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

// Write spells a document as YAML, keys in the order of the types, without keys that have no value; its first line names
// the schema for editors. Parse reads it back.
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

// encode is what Write spells.
func encode(m *v1alpha1.Workload) (*yaml.Node, error) {
	var n yaml.Node
	if err := n.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &n, nil
}

// settingsOf is a trigger's config, a struct as workload.TriggerType says, as a document has it: without keys that have no value.
func settingsOf(config any) map[string]any {
	if config == nil {
		return nil
	}
	m, _ := plain(reflect.ValueOf(config)).(map[string]any)
	if len(m) == 0 {
		return nil
	}
	return m
}

func plain(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for _, f := range fieldsOf(v.Type()) {
			if e := v.Field(f.index); f.required || !empty(e) {
				out[f.key] = plain(e)
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = plain(v.MapIndex(k))
		}
		return out
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return v.Int()
	}
	return v.String()
}

// empty says whether a value is one that decoding gives for an absent key.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		for i := range v.NumField() {
			if !empty(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}
