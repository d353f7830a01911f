package socketsp3_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	socketsp3 "github.com/vitrine-wasm/vitrine/wasi/sockets/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	policy, err := sockets.NewPolicy(sockets.Grants{Connect: []string{"127.0.0.1:5432"}})
	check(err)
	socketsp3.Add(linker, policy)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:sockets/ip-name-lookup@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:sockets/ip-name-lookup@0.3.0#resolve-addresses
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
