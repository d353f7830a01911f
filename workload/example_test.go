package workload_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload"
)

// A workload is plain data. A component has no grants but those in it.
func Example() {
	spec := workload.Spec{Namespace: "demo", Name: "shop", Version: "1.2.0", Components: []workload.Component{{
		Name:   "cart",
		Source: workload.Source{File: "cart.wasm"},
		Grants: workload.Grants{HTTP: []string{"https://*.example.com"}},
		Limits: workload.Limits{Memory: 64 << 20},
	}}}
	cart := spec.Component("cart")
	limits := cart.Limits.Filled() // every limit is in force
	fmt.Println(spec.ID(), workload.FormatSize(limits.Memory), limits.Deadline)
	api, err := workload.ParseHTTP(cart.Grants.HTTP[0])
	fmt.Println(api.Allows("https", "api.example.com", "443"), api.Allows("http", "example.org", "80"), err)
	// Output:
	// demo/shop 64Mi 30s
	// true false <nil>
}
