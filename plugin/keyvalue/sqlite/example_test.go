package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
)

// Grants may then say {sqlite: data.db}.
func ExampleType() {
	plugin := keyvalue.New(memory.New(0)).AddType(sqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
		return sqlite.Open(ctx, config.(sqlite.Config))
	})
	fmt.Println(plugin.Backends(), plugin.BackendTypes()[0].Name)
	// Output: [memory] sqlite
}

// What was set is there when the file is opened again.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	owner := keyvalue.Owner{Namespace: "default", Workload: "shop", Component: "cart"}
	for range 2 {
		backend, err := sqlite.Open(context.Background(), sqlite.Config{File: filepath.Join(dir, "data.db")})
		if err != nil {
			panic(err)
		}
		bucket, err := backend.Open(context.Background(), owner, "default")
		if err != nil {
			panic(err)
		}
		n, err := bucket.(keyvalue.Incrementer).Increment(context.Background(), "starts", 1)
		fmt.Println(n, err, backend.Close())
	}
	// Output:
	// 1 <nil> <nil>
	// 2 <nil> <nil>
}
