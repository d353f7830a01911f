package filesystemp3_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	filesystemp3 "github.com/vitrine-wasm/vitrine/wasi/filesystem/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	filesystemp3.Add(linker, &filesystem.Preopens{Folders: []filesystem.Preopen{{Host: ".", Guest: "/data", ReadOnly: true}}})
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:filesystem/preopens@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:filesystem/preopens@0.3.0#get-directories
	// wasi:filesystem/preopens@0.3.0.descriptor
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
