// Command typed runs the component of examples/embed through bindings that are generated from its WIT: what does not fit
// the component's types does not compile.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/examples/embed/typed/greet"
)

//go:generate go run ../../../bindgen/cmd/bindgen --wit greet.wit --bind example:greet/greeter --out greet

// loud is the host's side of the world.
type loud struct{}

func (loud) Shout(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil }

func main() {
	if err := run(context.Background(), "../greeter.wasm"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string) error {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	c, err := engine.Load(ctx, "greeter", wasm)
	if err != nil {
		return err
	}
	linker := engine.NewLinker(nil)
	greet.AddHost(linker, loud{})
	linked, err := linker.Link(ctx, c)
	if err != nil {
		return err
	}
	instance, err := linked.Instantiate(ctx)
	if err != nil {
		return err
	}
	defer instance.Close(ctx)
	greeter, err := greet.NewGreeter(instance)
	if err != nil {
		return err
	}
	text, err := greeter.Guest.Greet(ctx, "world")
	fmt.Println(text)
	return err
}
