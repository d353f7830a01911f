package workload

import (
	"slices"
	"strings"
)

// ID identifies the workload in a host: "namespace/name", or the name alone.
func (s *Spec) ID() ID {
	if s.Namespace == "" {
		return ID(s.Name)
	}
	return ID(s.Namespace + "/" + s.Name)
}

// Target names what the trigger calls: its component, or, with a chain, "auth > cache > cart". Triggers of one target call the same
// instances.
func (t *TriggerSpec) Target() string {
	if len(t.Chain) == 0 {
		return t.Component
	}
	return strings.Join(append(slices.Clone(t.Chain), t.Component), " > ")
}

// Service returns the service that a component is; nil if it is none.
func (s *Spec) Service(component string) *Service {
	for i := range s.Services {
		if s.Services[i].Component == component {
			return &s.Services[i]
		}
	}
	return nil
}

// Component returns the component of a name; nil if there is none.
func (s *Spec) Component(name string) *Component {
	for i := range s.Components {
		if s.Components[i].Name == name {
			return &s.Components[i]
		}
	}
	return nil
}
