package memory_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
)

// Each component has buckets of its own, which are dropped with its workload.
func ExampleNew() {
	backend := memory.New(1 << 20)
	owner := keyvalue.Owner{Namespace: "default", Workload: "shop", Component: "cart"}
	bucket, err := backend.Open(context.Background(), owner, "default")
	if err != nil {
		panic(err)
	}
	if err := bucket.Set(context.Background(), "apples", []byte("3")); err != nil {
		panic(err)
	}
	value, found, err := bucket.Get(context.Background(), "apples")
	fmt.Println(string(value), found, err)
	// Output: 3 true <nil>
}
