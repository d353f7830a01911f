package config

import "embed"

// WIT is the text of wasi:config 0.2.0-rc.1, for tools that make components.
//
//go:embed wit/*.wit
var WIT embed.FS
