package memory_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
)

// The components of a workload have subjects of their own.
func ExampleNew() {
	ctx := context.Background()
	bus := memory.New(0).Bus(messaging.Owner{Namespace: "default", Workload: "shop"})
	orders, err := bus.Subscribe(ctx, messaging.Subscription{Subject: "orders.*"})
	if err != nil {
		panic(err)
	}
	defer orders.Close()
	if err := bus.Publish(ctx, &messaging.Message{Subject: "orders.new", Body: []byte("3 apples")}); err != nil {
		panic(err)
	}
	d, err := orders.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(d.Message().Subject, string(d.Message().Body), d.Done(ctx))
	// Output: orders.new 3 apples <nil>
}
