package v1alpha1_test

import (
	"encoding/json"
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// A program writes a document as JSON.
func Example() {
	doc := v1alpha1.Workload{
		APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.Kind, Metadata: v1alpha1.Metadata{Name: "shop"},
		Spec: v1alpha1.Spec{Components: []v1alpha1.Component{{Name: "cart", Source: v1alpha1.Source{File: "cart.wasm"}}}},
	}
	text, err := json.Marshal(doc)
	fmt.Println(string(text), err)
	// Output: {"apiVersion":"vitrine.dev/v1alpha1","kind":"Workload","metadata":{"name":"shop"},"spec":{"components":[{"name":"cart","source":{"file":"cart.wasm"}}]}} <nil>
}
