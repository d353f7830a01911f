// Package timer describes the trigger that calls a component at an interval. Workloads can name it; no version runs it yet.
package timer

import (
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Interval is the config of a timer in a workload.
type Interval struct {
	Every time.Duration `yaml:"every" required:"true" doc:"The interval."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name: "timer", Doc: "A call at an interval.", Reserved: true,
		Config: Interval{}, ComponentDoc: "The component that is called.",
	}
}
