package host_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A host starts a workload: its components, what they are granted, and the trigger that calls them.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	trigger := command.New("")
	h, err := host.New(host.Config{
		Engine:   engine,
		Plugins:  []host.Plugin{hostwasi.New(hostwasi.Config{})},
		Triggers: []host.Trigger{trigger},
		Console:  print{},
		Logger:   slog.New(slog.DiscardHandler),
	})
	check(err)
	id, err := h.Start(ctx, &workload.Spec{Name: "hello", Components: []workload.Component{{
		Name:   "hello",
		Source: workload.Source{File: "../cli/testdata/hello.wasm"},
	}}})
	check(err)
	check(h.Run(ctx)) // until the command has ended
	check(h.Stop(ctx, id))
	status, err := h.Status(ctx, id)
	check(err)
	fmt.Println(status.State)
	check(h.Close(ctx))
	// Output:
	// hello stdout: hello
	// hello stdout: wor
	// stopped
}

// print is where the lines of components go.
type print struct{}

func (print) Log(_ context.Context, l host.LogLine) {
	fmt.Printf("%s %s: %s\n", l.Component, l.Stream, l.Text)
}

// An Invoker needs no workload: it runs events in the pool of a component, and its interceptor sees each.
func ExampleNewInvoker() {
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
	pool, err := component.NewPool(linked, component.PoolConfig{Store: host.StoreLimits(workload.DefaultLimits())})
	check(err)
	err = host.NewInvoker(pool, host.InvokerConfig{}).Invoke(ctx, &host.Invocation{
		Component: "worker", Trigger: "queue", Name: "orders",
		Run: func(ctx context.Context, instance *component.Instance) error {
			n, err := instance.Call(ctx, "count", uint64(3))
			fmt.Println("counted to", n)
			return err
		},
		Settle: func(_ context.Context, err error) { fmt.Println("it ended with", err) },
	})
	check(err)
	check(pool.Close(ctx))
	// Output:
	// counted to 3
	// it ended with <nil>
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
