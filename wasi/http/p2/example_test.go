package httpp2_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// Add serves this part of WASI 0.2 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	httpp2.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{}))
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:http/outgoing-handler@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:http/outgoing-handler@0.2.12#handle
	// wasi:http/outgoing-handler@0.2.12.future-incoming-response
	// wasi:http/outgoing-handler@0.2.12.outgoing-request
	// wasi:http/outgoing-handler@0.2.12.request-options
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
