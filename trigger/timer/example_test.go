package timer_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/trigger/timer"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A command runs at an interval until the host stops.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	engine, err := component.NewEngine(ctx)
	check(err)
	lines := &printer{left: 2, stop: stop}
	h, err := host.New(host.Config{
		Engine:   engine,
		Plugins:  []host.Plugin{hostwasi.New(hostwasi.Config{})},
		Triggers: []host.Trigger{timer.New(timer.Config{})},
		Console:  lines,
		Logger:   slog.New(slog.DiscardHandler),
	})
	check(err)
	_, err = h.Start(ctx, &workload.Spec{
		Name:       "jobs",
		Components: []workload.Component{{Name: "job", Source: workload.Source{File: "../../cli/testdata/hello.wasm"}}},
		Triggers:   []workload.TriggerSpec{{Type: timer.TypeName, Component: "job", Config: timer.Schedule{Every: 10 * time.Millisecond}}},
	})
	check(err)
	check(h.Run(ctx))
	check(h.Close(context.Background()))
	check(engine.Close(context.Background()))
	// Output:
	// job stdout hello
	// job stdout wor
}

// printer prints some lines, and stops the host.
type printer struct {
	left int
	stop func()
}

func (p *printer) Log(_ context.Context, l host.LogLine) {
	if p.left > 0 {
		fmt.Println(l.Component, l.Stream, l.Text)
	}
	if p.left--; p.left == 0 {
		p.stop()
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
