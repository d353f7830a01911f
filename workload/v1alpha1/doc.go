// Package v1alpha1 is the workload document of version vitrine.dev/v1alpha1: one Go type for manifest files, the output of
// `vitrine up --write`, and documents that programs exchange. A later version will be a package beside this one.
//
// The types are plain data for encoding/json and go.yaml.in/yaml/v3, and each library's YAML or JSON reads back by the other. They
// accept more than a host does: package app reads documents with a place in the file for each mistake, checks them, and makes
// [workload.Spec] and the JSON Schema from them.
//
// Further tags of fields: required ("true": the key must be present), enum ("a|b"), min and max (of numbers), minItems, minLength,
// keys (an expression for the keys of a mapping), one ("true": the mapping has exactly one key), doc (the schema's description),
// secret ("true": the value is never in an error). The tag reserved marks keys ("*") and values ("a|b") that are not
// supported yet: they are read, so that an error can say so, but messages do not offer them, nor does the schema, except for the
// empty list of a reserved key.
package v1alpha1
