package wasi_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi"
	clip2 "github.com/vitrine-wasm/vitrine/wasi/cli/p2"
)

// A command runs with what it is given, and nothing else: no files, no sockets.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../cli/testdata/hello.wasm")
	check(err)
	loaded, err := engine.Load(ctx, "hello", wasm)
	check(err)
	linker := engine.NewLinker(nil)
	check(wasi.Add(linker, wasi.Config{
		Args:   []string{"hello"},
		Env:    []wasi.KV{{Name: "GREETING", Value: "hi"}},
		Stdout: func(_ context.Context, p []byte) error { fmt.Printf("%s", p); return nil },
	}))
	linked, err := linker.Link(ctx, loaded)
	check(err)
	instance, err := linked.Instantiate(ctx)
	check(err)
	command, err := clip2.NewRunExport(instance)
	check(err)
	check(command.Run(ctx))
	// Output:
	// hello
	// wor
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
