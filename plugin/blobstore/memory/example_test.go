package memory_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
)

// Each component has containers of its own, which are dropped with its workload.
func ExampleNew() {
	ctx := context.Background()
	store := memory.New(1 << 20).Store(blobstore.Owner{Namespace: "default", Workload: "shop", Component: "cart"})
	if err := store.CreateContainer(ctx, "photos"); err != nil {
		panic(err)
	}
	if _, err := store.Put(ctx, "photos", "apple", strings.NewReader("red and round")); err != nil {
		panic(err)
	}
	object, info, err := store.Open(ctx, "photos", "apple", 4, 100)
	if err != nil {
		panic(err)
	}
	defer object.Close()
	part, err := io.ReadAll(object)
	fmt.Printf("%d bytes, from the fifth on: %s, %v\n", info.Size, part, err)
	// Output: 13 bytes, from the fifth on: and round, <nil>
}
