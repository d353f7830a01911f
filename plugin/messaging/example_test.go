package messaging_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A component receives what its grants cover.
func ExamplePlugin_Connect() {
	ctx := context.Background()
	w := &workload.Spec{Name: "shop", Components: []workload.Component{{
		Name: "work", Grants: workload.Grants{Messaging: map[string]workload.StoreGrant{"orders.>": {}}},
	}}}
	plugin := messaging.New(memory.New(0))
	route, release, err := plugin.Connect(ctx, w, "work", "orders.*")
	if err != nil {
		panic(err)
	}
	defer release()
	fmt.Println(route.Pattern, route.Backend.System())
	_, _, err = plugin.Connect(ctx, w, "work", "mail")
	fmt.Println(err)
	// Output:
	// orders.> memory
	// "mail" is not granted; to allow it, add grants: {messaging: {"mail": {}}} to component work, with its broker
}
