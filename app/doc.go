// Package app reads a manifest (a vitrine.yaml, a folder that holds one, or a component alone) and returns the
// [workload.Spec] that a host runs, with paths resolved and every name and grant checked.
//
// The document is the type of package workload/v1alpha1. All its mistakes are reported at once, each with file, line, column,
// the key's path, what was wanted, and the nearest valid name. Its Go types, with those of a program's triggers ([Format]), are
// the one source of its JSON Schema (vitrine.schema.json, for editors), of decoding, and of the output of `vitrine up --write`.
//
// Nothing here runs or decodes a component; the host does, when it loads the files.
package app
