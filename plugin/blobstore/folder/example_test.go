package folder_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
)

// Grants may then say {folder: ./blobs}.
func ExampleType() {
	plugin := blobstore.New(memory.New(0)).AddType(folder.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
		return folder.Open(config.(folder.Config))
	})
	fmt.Println(plugin.Backends(), plugin.BackendTypes()[0].Name)
	// Output: [memory] folder
}

// An object is a file of its name.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	backend, err := folder.Open(folder.Config{Path: dir})
	if err != nil {
		panic(err)
	}
	defer backend.Close()
	ctx := context.Background()
	store := backend.Store(blobstore.Owner{Namespace: "default", Workload: "shop", Component: "cart"})
	if err := store.CreateContainer(ctx, "photos"); err != nil {
		panic(err)
	}
	if _, err := store.Put(ctx, "photos", "apple.png", strings.NewReader("red and round")); err != nil {
		panic(err)
	}
	data, err := os.ReadFile(dir + "/default/shop/cart/photos/apple.png")
	fmt.Println(string(data), err)
	// Output: red and round <nil>
}
