package http

import (
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

var _ host.Checker = (*Trigger)(nil)

// Check is host.Checker's. It finds the mistakes of the workload that Attach would refuse, and does not listen.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	for _, trigger := range w.Triggers {
		if trigger.Type != t.Type() {
			continue
		}
		if _, err := t.newRoute(w, &trigger, inv); err != nil {
			return err
		}
	}
	return nil
}
