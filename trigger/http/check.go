package http

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

var _ host.Checker = (*Trigger)(nil)

// Check is host.Checker's. It finds the mistakes of the workload that Attach would refuse, and components that others may send requests to
// but that have no handler. It does not listen.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	for _, trigger := range w.Triggers {
		if trigger.Type != t.Type() {
			continue
		}
		if _, err := t.newRoute(w, &trigger, inv); err != nil {
			return err
		}
	}
	for _, c := range w.Components {
		for _, name := range c.Grants.Internal() {
			if w.Component(name) == nil {
				continue // requests there fail
			}
			if _, err := t.newRoute(w, &workload.TriggerSpec{Type: TypeName, Component: name}, inv); err != nil {
				return fmt.Errorf("component %s is granted http://%s%s: %w", c.Name, name, workload.InternalSuffix, err)
			}
		}
	}
	return nil
}
