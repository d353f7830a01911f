// Package wit knows WebAssembly Interface Types as data: names and versions, and the packages, worlds, interfaces and
// types that WIT text describes. It parses and resolves WIT; it runs nothing and imports nothing but the standard
// library.
//
// Version matching lives here and nowhere else: see [Compatible].
package wit
