package clip3_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	clip3 "github.com/vitrine-wasm/vitrine/wasi/cli/p3"
)

// Add serves this part of WASI 0.3 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	clip3.Add(linker, cli.New(cli.Config{Args: []string{"guest"}}))
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:cli/exit@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:cli/exit@0.3.0#exit
	// wasi:cli/exit@0.3.0#exit-with-code
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
