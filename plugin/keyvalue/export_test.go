package keyvalue

import "github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"

// Serve gives what the plugin defines for a component over b.
func Serve(b Backend) interface {
	bindings.Store
	bindings.Atomics
	bindings.Batch
} {
	return stores{b, Owner{"n", "w", "c"}}
}
