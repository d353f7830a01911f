// Package v1alpha1 is the workload document of version vitrine.dev/v1alpha1: one Go type for the file that people write, for what
// `vitrine up --write` prints, for hosts that are told over a wire what to run, and for Kubernetes. A later version will be a
// package beside this one.
//
// The types are plain data for encoding/json and go.yaml.in/yaml/v3, and either of them reads what the other one has written. They
// take more than a host does: package app reads documents with a place in the file for each mistake, checks them, makes
// [workload.Spec] of them, and makes the JSON Schema of the types.
//
// Further tags of fields: required ("true": the key must be there), enum ("a|b"), min and max (of numbers), minItems, minLength, keys (an
// expression for the keys of a mapping), one ("true": exactly one key of the mapping is there), doc (the schema's description),
// secret ("true": the value is in no error). What the format has and this version of the program does not do yet is marked later, a key by
// "*" and values by themselves: it is read, so that a mistake can say so, and offered nowhere.
package v1alpha1
