//go:build wasip1

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/guest/bindings"
)

func init() { bindings.ExportRun(command{}) }

type command struct{}

// Run has a span for what it is told to do, and one below it for each argument; the argument fail has it fail.
func (command) Run() error {
	ctx, done := sdk.Request(context.Background())
	defer done()
	return run(ctx, os.Args[1:])
}

func run(ctx context.Context, args []string) (err error) {
	ctx, span := otel.Tracer("command").Start(ctx, "run")
	defer span.End()
	steps, _ := otel.Meter("command").Int64Counter("command.steps")
	for _, arg := range args {
		step(ctx, arg)
		steps.Add(ctx, 1, metric.WithAttributes(attribute.String("step", arg)))
		if arg == "fail" {
			err = errors.New("told to fail")
		}
	}
	fmt.Println("steps:", len(args))
	return err
}

func step(ctx context.Context, name string) {
	ctx, span := otel.Tracer("command").Start(ctx, "step "+name)
	defer span.End()
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	r.SetBody(attribute.StringValue("doing " + name))
	otel.Logger("command").Emit(ctx, r)
}
