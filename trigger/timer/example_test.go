package timer_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/trigger/timer"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A manifest may hold timers where its reader knows the type, and is told that no version runs them yet.
func Example() {
	format := app.Format{Triggers: []workload.TriggerType{timer.Type()}}
	_, err := format.Parse("vitrine.yaml", []byte(`
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: jobs}
spec:
  components:
    - {name: job, source: {file: ../../cli/testdata/ok.wasm}}
  triggers:
    - timer: {every: 1m, component: job}
`))
	fmt.Println(err)
	// Output:
	// vitrine.yaml:9:14: spec.triggers[0].timer: timers are not supported by this version yet; want none, as this program knows none
}
