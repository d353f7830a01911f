package command_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A command runs once; what it exits with is the error of Run.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	trigger := command.New("job")
	h, err := host.New(host.Config{
		Engine:   engine,
		Plugins:  []host.Plugin{hostwasi.New(hostwasi.Config{})},
		Triggers: []host.Trigger{trigger},
		Logger:   slog.New(slog.DiscardHandler),
	})
	check(err)
	_, err = h.Start(ctx, &workload.Spec{Name: "jobs", Components: []workload.Component{{
		Name:   "job",
		Source: workload.Source{File: "../../cli/testdata/fail.wasm"},
	}}})
	check(err)
	err = trigger.Run(ctx)
	if exit := (*cm.ExitError)(nil); errors.As(err, &exit) {
		fmt.Println("status", exit.Code)
	}
	check(h.Close(ctx))
	// Output: status 1
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
