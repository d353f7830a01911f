package app_test

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestNoTriggerTypes: a program without types of triggers, or without a supported one, reports each trigger of a manifest.
func TestNoTriggerTypes(t *testing.T) {
	for name, format := range map[string]app.Format{"none": {}, "none yet": {Triggers: []workload.TriggerType{{Name: "timer", Reserved: true, Config: struct{}{}}}}} {
		for _, trigger := range []string{"timer: {every: 1m, component: job}", "http: {path: /, component: job}", "a: {}", "{}", "[]", "timer", "null"} {
			_, err := format.Parse("vitrine.yaml", []byte(`
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: jobs}
spec:
  components: [{name: job, source: {file: ../cli/testdata/ok.wasm}}]
  triggers:
    - `+trigger+"\n"))
			if err == nil || !strings.Contains(err.Error(), "vitrine.yaml:8") {
				t.Errorf("%s, %s: %v", name, trigger, err)
			}
		}
	}
}
