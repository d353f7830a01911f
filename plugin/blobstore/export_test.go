package blobstore

import "github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"

// Serve gives what the plugin defines for a component over b.
func Serve(b Backend) interface {
	bindings.Blobstore
	bindings.Types
} {
	return store{b.Store(Owner{"n", "w", "c"})}
}
