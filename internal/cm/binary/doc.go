// Package binary turns the bytes of a component into definitions, one file a section (Binary.md of
// WebAssembly/component-model). It decodes everything in the format, gated features included, so that nothing is
// misread. It checks only the encoding: package validate checks the rest.
package binary
