package sqlite_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
)

// A host with this plugin gives each component a database in memory, or the file that a grant names: {default: {file: data.db}}.
func Example() {
	plugin := sqlite.New(local.NewMemory(0)).AddType(local.Type(), func(ctx context.Context, config any) (sqlite.Backend, error) {
		return local.OpenFile(ctx, config.(local.Config))
	})
	fmt.Println(plugin.Name(), plugin.Backends(), plugin.BackendTypes()[0].Name)
	// Output: sqlite [memory] file
}
