package app_test

import (
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A manifest is read with the program's types of triggers; all mistakes are reported at once, with their places.
func Example() {
	format := app.Format{Triggers: []workload.TriggerType{http.Type()}}
	spec, err := format.Parse("vitrine.yaml", []byte(`
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: cart, source: {file: ../cli/testdata/ok.wasm}, limits: {memory: 64Mi}}
  triggers:
    - http: {path: /, component: cart}
`))
	fmt.Println(spec.ID(), spec.Triggers[0].Type, err)

	_, err = format.Parse("vitrine.yaml", []byte(`
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: cart, source: {file: ../cli/testdata/ok.wasm}, limits: {memroy: 64Mi}}
  triggers:
    - http: {path: /, component: card}
`))
	var mistakes app.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			fmt.Println(m.Line, m.Key, m.Nearest)
		}
	}
	// Output:
	// shop http <nil>
	// 7 spec.components[0].limits.memroy memory
	// 9 spec.triggers[0].http.component cart
}
