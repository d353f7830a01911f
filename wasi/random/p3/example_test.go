package randomp3_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	randomp3 "github.com/vitrine-wasm/vitrine/wasi/random/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	randomp3.Add(linker)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:random/random@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:random/random@0.3.0#get-random-bytes
	// wasi:random/random@0.3.0#get-random-u64
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
