package clocksp3_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	clocksp3.Add(linker, time.UTC)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:clocks/system-clock@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:clocks/system-clock@0.3.0#get-resolution
	// wasi:clocks/system-clock@0.3.0#now
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
