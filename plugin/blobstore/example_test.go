package blobstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
)

// Objects are streams, and a Put that fails leaves the old object.
func ExampleStore() {
	ctx := context.Background()
	s := memory.New(0).Store(blobstore.Owner{Namespace: "demo", Workload: "shop", Component: "cart"})
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(s.CreateContainer(ctx, "letters"))
	_, err := s.Put(ctx, "letters", "first", strings.NewReader("Dear Ada, …"))
	must(err)

	half := io.MultiReader(strings.NewReader("Dear Bob"), failing{})
	_, err = s.Put(ctx, "letters", "first", half)
	fmt.Println(err)

	r, info, err := s.Open(ctx, "letters", "first", 5, 3)
	must(err)
	defer r.Close()
	text, err := io.ReadAll(r)
	must(err)
	fmt.Printf("%q of %d bytes\n", text, info.Size)

	_, err = s.Stat(ctx, "letters", "second")
	fmt.Println(errors.Is(err, blobstore.ErrNoSuchObject))
	// Output:
	// put in container "letters": cable pulled
	// "Ada" of 13 bytes
	// true
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cable pulled") }

// A plugin may have several backends; a component's grants.blobstore chooses the backend of each container.
func ExamplePlugin_Add() {
	p := blobstore.New(memory.New(0)).Add("small", memory.New(1<<20))
	fmt.Println(p.Backends())
	// Output: [memory small]
}
