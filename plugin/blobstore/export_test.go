package blobstore

import (
	"context"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
)

// Serve returns the functions that the plugin defines for a component over b.
func Serve(b Backend) interface {
	bindings.Blobstore
	bindings.Types
} {
	return store{map[string]*granted{backend.Default: {b.Store(Owner{Namespace: "n", Workload: "w", Component: "c"}), "test"}}, func(context.Context, string) {}}
}
