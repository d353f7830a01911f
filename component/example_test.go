package component_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

// A component is loaded, given what it imports, and called.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../examples/embed/greeter.wasm")
	check(err)
	loaded, err := engine.Load(ctx, "greeter", wasm)
	check(err)
	linker := engine.NewLinker(nil)
	linker.Instance(wit.MustParseID("example:greet/host")).GoFunc("shout", strings.ToUpper)
	linked, err := linker.Link(ctx, loaded)
	check(err)
	instance, err := linked.Instantiate(ctx, component.WithMemory(16<<20), component.WithFuel(1_000_000))
	check(err)
	greeting, err := instance.Call(ctx, "example:greet/guest#greet", "world")
	check(err)
	fmt.Println(greeting)
	// Output: HELLO, WORLD
}

// Callers share the instances of a pool, and each finds one that is as new.
func ExamplePool() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../examples/embed/pool/worker.wasm")
	check(err)
	loaded, err := engine.Load(ctx, "worker", wasm)
	check(err)
	linked, err := engine.NewLinker(nil).Link(ctx, loaded)
	check(err)
	pool, err := component.NewPool(linked, component.PoolConfig{Max: 2, Deadline: 5 * time.Second})
	check(err)
	for range 3 {
		check(pool.Run(ctx, func(ctx context.Context, instance *component.Instance) error {
			n, err := instance.Call(ctx, "count", uint64(1000))
			check(err)
			asked, err := instance.Call(ctx, "asked")
			fmt.Println("counted to", n, "and was asked", asked, "time")
			return err
		}))
	}
	check(pool.Close(ctx))
	// Output:
	// counted to 1000 and was asked 1 time
	// counted to 1000 and was asked 1 time
	// counted to 1000 and was asked 1 time
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
