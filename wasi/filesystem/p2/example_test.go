package filesystemp2_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	filesystemp2 "github.com/vitrine-wasm/vitrine/wasi/filesystem/p2"
)

// Add serves this part of WASI 0.2 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	filesystemp2.Add(linker, &filesystem.Preopens{Folders: []filesystem.Preopen{{Host: ".", Guest: "/data", ReadOnly: true}}})
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:filesystem/preopens@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:filesystem/preopens@0.2.12#get-directories
	// wasi:filesystem/preopens@0.2.12.descriptor
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
