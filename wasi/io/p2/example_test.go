package iop2_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add serves this part of WASI 0.2 to what is linked afterwards; wasi.Add has all parts.
func ExampleAdd() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	iop2.Add(linker)
	for _, name := range linker.Definitions() {
		if strings.HasPrefix(name, "wasi:io/poll@") {
			fmt.Println(name)
		}
	}
	// Output:
	// wasi:io/poll@0.2.12#[method]pollable.block
	// wasi:io/poll@0.2.12#[method]pollable.ready
	// wasi:io/poll@0.2.12#poll
	// wasi:io/poll@0.2.12.pollable
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
