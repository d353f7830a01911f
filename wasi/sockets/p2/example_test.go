package socketsp2_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	socketsp2 "github.com/vitrine-wasm/vitrine/wasi/sockets/p2"
)

// Add serves this part of WASI 0.2 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	policy, err := sockets.NewPolicy(sockets.Grants{Connect: []string{"127.0.0.1:5432"}})
	check(err)
	socketsp2.Add(linker, policy)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:sockets/instance-network@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:sockets/instance-network@0.2.12#instance-network
	// wasi:sockets/instance-network@0.2.12.network
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
