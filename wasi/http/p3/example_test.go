package httpp3_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	httpp3.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{}))
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:http/client@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:http/client@0.3.0#send
	// wasi:http/client@0.3.0.request
	// wasi:http/client@0.3.0.response
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
