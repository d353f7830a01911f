// Package wast runs scripts of the specification's suites (.wast) against the engine.
//
// Scripts are text of which only WebAssembly's own tools read every form, so a pinned developer tool converts them (convert.go)
// to a list of commands and the binaries that they name (script.go). The results are cached by content and version; only this
// package and its command need the tool.
//
// In the specification a script is one store: instances are made one after another and stay callable by name, except those
// that have trapped (runner.go). Here each instance has a store of its own, and the exports of named instances are linked to
// imports of later ones, beside those of a small host (fixture.go).
//
// gaps.txt lists the known failures with their reasons. A listed command that passes is a failure as well.
package wast
