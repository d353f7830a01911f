// Package validate judges a decoded component by the specification's rules (Explainer.md, Binary.md and CanonicalABI.md
// of WebAssembly/component-model): indices, names, types, resources, subtyping at instantiation and export, canonical
// definitions, and what must be visible from outside. It is a security boundary: once it has accepted a component, every
// index of it may be used unchecked.
//
// It knows core modules by their imports and exports only. That their code is valid is for the core engine to say, which
// compiles them later.
package validate
