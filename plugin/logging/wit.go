package logging

import "embed"

// WIT is the text of wasi:logging 0.1.0-draft, for tools that make components.
//
//go:embed wit/*.wit
var WIT embed.FS
