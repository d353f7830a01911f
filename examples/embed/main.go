// Command embed runs a component: it gives the component one host function, and calls one of its exports.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

//go:embed greeter.wasm
var greeter []byte

func main() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	c, err := engine.Load(ctx, "greeter", greeter)
	check(err)
	linker := engine.NewLinker(nil)
	linker.Instance(wit.MustParseID("example:greet/host")).GoFunc("shout", strings.ToUpper)
	linked, err := linker.Link(ctx, c)
	check(err)
	instance, err := linked.Instantiate(ctx)
	check(err)
	defer instance.Close(ctx)
	fmt.Println(instance.Call(ctx, "example:greet/guest#greet", "world"))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
