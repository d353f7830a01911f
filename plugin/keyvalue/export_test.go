package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
)

// Serve gives what the plugin defines for a component over b.
func Serve(b Backend) interface {
	bindings.Store
	bindings.Atomics
	bindings.Batch
} {
	return draft{stores{map[string]backend.Route[Backend]{backend.Default: {Backend: b, Owner: Owner{Namespace: "n", Workload: "w", Component: "c"}}}, func(context.Context, string) {}}}
}
