package otel

import "embed"

// WIT is the text of wasi:otel 0.2.0-rc.2, which names packages of WASI 0.2, for tools that make components.
//
//go:embed wit/*.wit
var WIT embed.FS
