// Package wit knows WebAssembly Interface Types as data: names and versions, and the packages, worlds, interfaces and
// types that WIT text describes. It parses and resolves WIT; it runs nothing and imports nothing but the standard
// library.
//
// [Load] and [Resolve] turn text into a [Set] of packages that refer to each other, in the language of WIT.md at
// WebAssembly/component-model@0007ade, with fixed-length lists, maps, external ids and plain names for named interfaces,
// but without nested namespaces, which are refused. Feature gates are kept with each item ([Gate]); nothing is left out
// because of one, and whether gated items only use others that are there as long is not checked. [Package.Print]
// writes text that resolves to the same.
//
// Version matching lives here and nowhere else: see [Compatible].
package wit
