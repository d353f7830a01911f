package keyvalue

import "embed"

// WIT is the text of wasi:keyvalue 0.2.0-draft and 0.2.0-draft2, for tools that make components.
//
//go:embed wit/*.wit bindings/draft2/wit/*.wit
var WIT embed.FS
