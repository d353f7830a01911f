// Package wasiwit holds the WIT text of WASI, versions 0.2.12 and 0.3.0: a folder for each package, such as wasi-http@0.3.0.
package wasiwit

import "embed"

// Files are the packages. Load them by wit.LoadFS(wasiwit.Files, "."), or beside others by wit.LoadBeside.
//
//go:embed wasi-*
var Files embed.FS
