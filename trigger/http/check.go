package http

import (
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

var _ host.Checker = (*Trigger)(nil)

// Check is host.Checker's: what Attach would refuse for the workload's own sake. It listens on nothing.
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
