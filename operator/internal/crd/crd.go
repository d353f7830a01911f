// Package crd makes the CustomResourceDefinition of workloads from the JSON Schema of the workload document, which is made from the Go
// types: one source for what files, editors and Kubernetes accept. The schema becomes a structural one, with bounds, by which the API server
// can tell what its rules may cost. What a schema cannot say, such as that a link leads to a component that exists, are rules in CEL.
//
// It accepts documents that a host accepts, but for metadata.version, for which Kubernetes has no place (the label
// app.kubernetes.io/version means the same), and for documents larger than its bounds. It does not look into settings of backends that may be
// a text or a mapping, for which a structural schema has no words: the host does.
package crd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// The names of the resource.
const (
	Group   = "vitrine.dev"
	Version = "v1alpha1"
	Plural  = "workloads"
)

// object is a part of a document.
type object = map[string]any

// Bounds of lists and mappings. The API server multiplies them for what a rule may cost, and refuses rules that may cost too much.
const (
	maxComponents = 64
	maxTriggers   = 256
	maxServices   = 64
	maxEntries    = 64  // of any other list or mapping that a rule goes over
	maxText       = 512 // characters of a text that a rule reads
)

// Make returns the definition as YAML. schema is the JSON Schema of the document.
func Make(schema []byte) ([]byte, error) {
	var root object
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("the schema of the document: %w", err)
	}
	properties, _ := root["properties"].(object)
	spec, _ := properties["spec"].(object)
	metadata, _ := properties["metadata"].(object)
	if spec == nil || metadata == nil {
		return nil, errors.New("the schema of the document has no metadata and spec")
	}
	c := &converter{keys: map[string]string{}}
	out := c.convert(spec, "spec")
	if c.err != nil {
		return nil, c.err
	}
	if err := addRules(out, c.keys["spec.components[].links"]); err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(definition(out, nameOf(metadata)))
	if err != nil {
		return nil, fmt.Errorf("writing the definition: %w", err)
	}
	return append([]byte("# Made by `go generate ./...` from app/vitrine.schema.json; do not edit.\n"), bytes.TrimLeft(text, "\n")...), nil
}

// nameOf is the schema of metadata.name: a document's names are shorter than those of Kubernetes.
func nameOf(metadata object) object {
	properties, _ := metadata["properties"].(object)
	name, _ := properties["name"].(object)
	return object{"type": "string", "maxLength": 63, "pattern": name["pattern"]}
}

// column is a column of kubectl get.
func column(name, kind, path, description string, more object) object {
	out := object{"name": name, "type": kind, "jsonPath": path, "description": description}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func definition(spec, name object) object {
	wide := object{"priority": 1}
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": Plural + "." + Group, "labels": object{"app.kubernetes.io/part-of": "vitrine"}},
		"spec": object{
			"group": Group, "scope": "Namespaced",
			"names": object{"kind": "Workload", "listKind": "WorkloadList", "plural": Plural, "singular": "workload", "shortNames": []any{"wl"}, "categories": []any{"all"}},
			"versions": []any{object{
				"name": Version, "served": true, "storage": true,
				"schema": object{"openAPIV3Schema": object{
					"description": "A workload of WebAssembly components: the document that `vitrine up` serves.",
					"type":        "object", "required": []any{"spec"},
					"properties": object{
						"apiVersion": object{"type": "string"}, "kind": object{"type": "string"},
						"metadata": object{"type": "object", "properties": object{"name": name}},
						"spec":     spec, "status": status(),
					},
				}},
				"subresources": object{
					"status": object{},
					"scale":  object{"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"},
				},
				"additionalPrinterColumns": []any{
					column("Ready", "string", `.status.conditions[?(@.type=="Ready")].status`, "Whether it answers.", nil),
					column("Reason", "string", `.status.conditions[?(@.type=="Ready")].reason`, "Why, in a word.", nil),
					column("Replicas", "integer", ".spec.replicas", "How many replicas it should have.", nil),
					column("Available", "integer", ".status.readyReplicas", "How many replicas answer.", nil),
					column("URL", "string", ".status.url", "Where it answers within the cluster.", nil),
					column("Age", "date", ".metadata.creationTimestamp", "", nil),
					column("Message", "string", `.status.conditions[?(@.type=="Ready")].message`, "Why, in a sentence.", wide),
					column("Trace", "string", ".status.traceID", "The trace of its last rollout.", wide),
				},
			}},
		},
	}
}

// status is the schema of api.Status.
func status() object {
	text := func(description string) object { return object{"type": "string", "description": description} }
	number := func(description string) object {
		return object{"type": "integer", "format": "int32", "description": description}
	}
	return object{
		"type": "object", "description": "What became of the workload; the operator writes it.",
		"properties": object{
			"observedGeneration": object{"type": "integer", "format": "int64", "description": "The generation of the document that the rest is about."},
			"replicas":           number("Replicas that there are."),
			"readyReplicas":      number("Replicas that answer."),
			"updatedReplicas":    number("Replicas that run the document as it is now."),
			"selector":           text("The labels of its pods, for autoscalers."),
			"url":                text("Where it answers within the cluster."),
			"traceID":            text("The trace of its last rollout, from the document to the answer."),
			"conditions": object{
				"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []any{"type"},
				"items": object{
					"type": "object", "required": []any{"type", "status", "lastTransitionTime", "reason", "message"},
					"properties": object{
						"type": text("What is judged: Accepted, Progressing, Ready."), "status": object{"type": "string", "enum": []any{"True", "False", "Unknown"}},
						"reason": text("Why, in a word."), "message": text("Why, and what to do."),
						"observedGeneration": object{"type": "integer", "format": "int64"}, "lastTransitionTime": object{"type": "string", "format": "date-time"},
					},
				},
			},
		},
	}
}

// converter makes a structural schema of a JSON Schema.
type converter struct {
	keys map[string]string // place of a mapping → pattern of its keys, for which a structural schema has no words
	err  error
}

// copied are the keywords that mean the same in both.
var copied = []string{"description", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}

func (c *converter) fail(where, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: "+format, append([]any{where}, args...)...)
	}
}

func (c *converter) convert(in object, where string) object {
	out := object{}
	for _, k := range copied {
		if v, ok := in[k]; ok {
			out[k] = v
		}
	}
	if one, ok := in["oneOf"].([]any); ok {
		c.alternatives(out, one, where)
		return out
	}
	kind, null := typeOf(in["type"])
	if kind == "" {
		c.fail(where, "it has no type")
		return out
	}
	out["type"] = kind
	if null {
		out["nullable"] = true
	}
	if enum, ok := in["enum"].([]any); ok && null {
		out["pattern"] = oneOf(enum)
	} else if ok {
		out["enum"] = enum
	}
	switch kind {
	case "integer":
		out["format"] = "int64"
	case "array":
		items, _ := in["items"].(object)
		if items == nil { // an empty list of what is not supported yet
			items = object{"type": "string"}
		}
		out["items"] = c.convert(items, where+"[]")
	case "object":
		c.object(out, in, where)
	}
	return out
}

// oneOf is the pattern of an enum that may be null, too: the API server refuses null by every enum, also by one that has it.
func oneOf(enum []any) string {
	var texts []string
	for _, v := range enum {
		if s, ok := v.(string); ok {
			texts = append(texts, regexp.QuoteMeta(s))
		}
	}
	return "^(" + strings.Join(texts, "|") + ")$"
}

// typeOf is the type of a schema, and whether it may be null.
func typeOf(v any) (kind string, null bool) {
	switch v := v.(type) {
	case string:
		return v, false
	case []any:
		for _, t := range v {
			if t == "null" {
				null = true
			} else if text, ok := t.(string); ok {
				kind = text
			}
		}
	}
	return kind, null
}

// alternatives converts what may be of several types: a text or a number, or a text or a mapping.
func (c *converter) alternatives(out object, one []any, where string) {
	kinds := map[string]object{}
	for _, v := range one {
		s, _ := v.(object)
		kind, _ := typeOf(s["type"])
		if s["type"] == "null" {
			kind = "null"
		}
		kinds[kind] = s
	}
	switch {
	case kinds["string"] != nil && kinds["integer"] != nil:
		out["x-kubernetes-int-or-string"] = true
		out["pattern"], out["minimum"] = kinds["string"]["pattern"], kinds["integer"]["minimum"]
	case kinds["string"] != nil && kinds["object"] != nil:
		out["x-kubernetes-preserve-unknown-fields"] = true
	default:
		c.fail(where, "a choice that Kubernetes has no words for")
	}
	if kinds["null"] != nil {
		out["nullable"] = true
	}
}

func (c *converter) object(out, in object, where string) {
	if of, ok := in["additionalProperties"].(object); ok {
		out["additionalProperties"] = c.convert(of, where+".*")
		if names, ok := in["propertyNames"].(object); ok {
			c.keys[where], _ = names["pattern"].(string)
		}
		return
	}
	properties, _ := in["properties"].(object)
	converted, names := object{}, []string{}
	for name, v := range properties {
		names = append(names, name)
		p, _ := v.(object)
		converted[name] = c.convert(p, where+"."+name)
	}
	slices.Sort(names)
	out["properties"] = converted
	if required, ok := in["required"].([]any); ok {
		out["required"] = required
	}
	if in["maxProperties"] == 1.0 && in["minProperties"] == 1.0 {
		var has []string
		for _, name := range names {
			has = append(has, "has(self."+name+")")
		}
		addRule(out, object{"rule": "[" + strings.Join(has, ", ") + "].filter(x, x).size() == 1", "message": "want one of " + strings.Join(names, ", ")})
	}
}

func addRule(schema, rule object) {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	schema["x-kubernetes-validations"] = append(rules, rule)
}

// quote writes a text as a literal of CEL.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
