// Package wast runs scripts of the specification's suites (.wast) against the engine.
//
// A script is text that only WebAssembly's own tools read whole, so a pinned developer tool converts it (convert.go): out
// come a list of commands and the binaries that they name (script.go). What the tool makes is kept in a cache folder by
// content and version; nothing but this package and its command needs the tool.
//
// A script is one store to the specification: instances are made one after another, stay callable by name, and one that
// has trapped is dead while the others live (runner.go). Here each instance has a store of its own, and what a named
// instance exports is offered to the imports of later ones. Beside these a script finds a small host (fixture.go).
//
// What is known not to pass stands in gaps.txt with its reason. A gap that passes is a failure, too.
package wast
