// Package validate checks a decoded component by the specification's rules (Explainer.md, Binary.md and CanonicalABI.md
// of WebAssembly/component-model): indices, names, types, resources, subtyping at instantiation and export, canonical
// definitions, and what must be visible from outside. It is a security boundary: once it has accepted a component, every
// index of it may be used unchecked.
//
// Definitions are checked in file order, each against index spaces that hold the definitions before it; a scope is one
// component, component type or instance type. Types are compared by structure, resources by identity. A type also has a
// name, which is its pointer: importing or exporting gives the same content a new name, and imports and exports may
// refer to named records, variants, enums, flags and resources only. Instantiation substitutes what is supplied for what
// was imported and makes every other resource that the exports show anew.
//
// Core modules are known by their imports and exports only. The core engine validates their code when it
// compiles them. The layout of values is computed here as far as rules depend on it (flattening, the size that the
// specification bounds); package types does it for execution.
//
// Gated features are refused by name. The work done, the depth of types and what they amount to when written out are
// bounded, so that a small file costs little.
package validate
