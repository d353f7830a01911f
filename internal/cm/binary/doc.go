// Package binary turns the bytes of a component into definitions, one file a section (Binary.md of
// WebAssembly/component-model). It decodes everything of today's format, gated features included, so that nothing is
// misread; it judges nothing that takes more than the bytes at hand. Package validate does the judging.
package binary
