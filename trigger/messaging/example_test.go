package messaging_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	messages "github.com/vitrine-wasm/vitrine/trigger/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A component handles the messages of its subject, which come through a broker in the process here.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	engine, err := component.NewEngine(ctx)
	check(err)
	broker := memory.New(0)
	brokers := messaging.New(broker)
	h, err := host.New(host.Config{
		Engine:   engine,
		Plugins:  []host.Plugin{hostwasi.New(hostwasi.Config{}), keyvalue.New(kvmemory.New(0)), brokers},
		Triggers: []host.Trigger{messages.New(messages.Config{Plugin: brokers})},
		Console:  printer(stop),
		Logger:   slog.New(slog.DiscardHandler),
	})
	check(err)
	_, err = h.Start(ctx, &workload.Spec{
		Name: "shop",
		Components: []workload.Component{{
			Name:   "work",
			Source: workload.Source{File: "../../testdata/guests/prebuilt/rust-messages-p2.component.wasm"},
			Grants: workload.Grants{Messaging: map[string]workload.StoreGrant{"orders.*": {}}},
		}},
		Triggers: []workload.TriggerSpec{{Type: messages.TypeName, Component: "work", Config: messages.Subscription{Subject: "orders.*"}}},
	})
	check(err)
	bus := broker.Bus(messaging.Owner{Workload: "shop"}) // that of the workload's components
	check(bus.Publish(ctx, &messaging.Message{Subject: "orders.new", Body: []byte("apples 3")}))
	check(h.Run(ctx))
	check(h.Close(context.Background()))
	check(engine.Close(context.Background()))
	// Output: work stdout handled apples on orders.new
}

// printer prints a line, and stops the host.
type printer func()

func (stop printer) Log(_ context.Context, l host.LogLine) {
	if strings.HasPrefix(l.Text, "handled") {
		fmt.Println(l.Component, l.Stream, l.Text)
		stop()
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
