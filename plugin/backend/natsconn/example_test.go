package natsconn_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
)

// A bucket has the names of its owner in its own, so that owners never meet, whatever a guest calls it.
func ExampleBucket() {
	shop := backend.Owner{Namespace: "demo", Workload: "shop", Component: "cart"}
	for _, name := range []string{"sessions", "a/b", ""} {
		fmt.Println(natsconn.Bucket(shop, name))
	}
	// Output:
	// vitrine__demo__shop__cart__sessions <nil>
	// vitrine__demo__shop__cart__a_2fb <nil>
	// vitrine__demo__shop__cart___- <nil>
}
