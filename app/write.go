package app

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload"
)

// SchemaURL is where editors find the manifest's JSON Schema.
const SchemaURL = "https://raw.githubusercontent.com/vitrine-wasm/vitrine/main/app/vitrine.schema.json"

// Write spells a manifest as YAML, keys in the order of the types, without keys that have no value; its first line names
// the schema for editors. Parse reads it back.
func Write(m *Manifest) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", SchemaURL)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(encode(reflect.ValueOf(m).Elem())); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return b.Bytes(), enc.Close()
}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func encode(v reflect.Value) *yaml.Node {
	text := textNode
	switch x := v.Interface().(type) {
	case Size:
		return text(workload.FormatSize(uint64(x)))
	case Count:
		return text(workload.FormatCount(uint64(x)))
	case Duration:
		return text(time.Duration(x).String())
	case time.Duration:
		return text(x.String())
	case Trigger:
		return x.encode()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encode(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range fieldsOf(v.Type()) {
			if e := v.Field(f.index); f.required || !empty(e) {
				n.Content = append(n.Content, text(f.key), encode(e))
			}
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, encode(v.Index(i)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
		for _, k := range keys {
			n.Content = append(n.Content, text(k.String()), encode(v.MapIndex(k)))
		}
		return n
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	case reflect.Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}
	}
	return text(v.String())
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
