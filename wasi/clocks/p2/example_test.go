package clocksp2_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
)

// Add serves this part of WASI 0.2 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	clocksp2.Add(linker, time.UTC)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:clocks/wall-clock@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:clocks/wall-clock@0.2.12#now
	// wasi:clocks/wall-clock@0.2.12#resolution
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
