package hostwasi_test

import (
	"context"
	"log"
	"log/slog"
	"os"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/workload"
)

// The plugin serves WASI as far as a component's grants and settings go: here arguments, a variable, and no files.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	h, err := host.New(host.Config{
		Engine:   engine,
		Plugins:  []host.Plugin{hostwasi.New(hostwasi.Config{Stdout: os.Stdout})}, // the process's own, byte for byte
		Triggers: []host.Trigger{command.New("")},
		Logger:   slog.New(slog.DiscardHandler),
	})
	check(err)
	_, err = h.Start(ctx, &workload.Spec{Name: "demo", Components: []workload.Component{{
		Name:   "hello",
		Source: workload.Source{File: "../../cli/testdata/hello.wasm"},
	}}})
	check(err)
	check(h.Run(ctx))
	check(h.Close(ctx))
	// Output:
	// hello
	// wor
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
