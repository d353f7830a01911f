// Package app reads what a user writes (a vitrine.yaml, a folder that holds one, or a bare component) and gives the
// [workload.Spec] that a host runs: defaults filled in, paths resolved, every name and grant checked.
//
// The document is the type of package workload/v1alpha1. All mistakes of one are reported at once, each with file, line, column,
// the key's path, what was wanted, and the nearest right name. Its Go types, with those of the triggers that a program ships
// ([Format]), are the one source of its JSON Schema (vitrine.schema.json, which editors complete from), of decoding, and of what
// `vitrine up --write` prints.
//
// Nothing here runs or decodes a component; that a file is one is found when a host loads it.
package app
