package loop

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Each makes one T of each trigger of a workload that is of a type, whose config has to be a C. Errors name the trigger's type and component.
func Each[C, T any](w *workload.Spec, typeName string, one func(spec *workload.TriggerSpec, config C) (T, error)) ([]T, error) {
	var all []T
	for i := range w.Triggers {
		spec := &w.Triggers[i]
		if spec.Type != typeName {
			continue
		}
		config, ok := spec.Config.(C)
		if !ok {
			return nil, fmt.Errorf("trigger %s: component %s: the config is a %T; want a %T", typeName, spec.Component, spec.Config, config)
		}
		t, err := one(spec, config)
		if err != nil {
			return nil, fmt.Errorf("trigger %s: component %s: %w", typeName, spec.Component, err)
		}
		all = append(all, t)
	}
	return all, nil
}
