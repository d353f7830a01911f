package local_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
)

// A connection runs statements as a component's do. The last argument bounds the result.
func ExampleMemory() {
	ctx := context.Background()
	conn, err := local.NewMemory(1<<20).Open(ctx, sqlite.Owner{Workload: "shop", Component: "cart"}, "default")
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	unbounded := func(int) error { return nil }
	if _, err := conn.Query(ctx, "CREATE TABLE items (name TEXT, price REAL); INSERT INTO items VALUES ('pear', 0.5)", nil, unbounded); err != nil {
		panic(err)
	}
	r, err := conn.Query(ctx, "SELECT name, price FROM items WHERE price < ?", []sqlite.Value{1.0}, unbounded)
	fmt.Println(r.Columns, r.Rows, err)
	_, err = conn.Query(ctx, "ATTACH '/etc/passwd' AS x", nil, unbounded)
	fmt.Println(err)
	// Output:
	// [name price] [[pear 0.5]] <nil>
	// the statement failed: authorization denied
}
