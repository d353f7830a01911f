package workload

// ID identifies the workload in a host: "namespace/name", or the name alone.
func (s *Spec) ID() ID {
	if s.Namespace == "" {
		return ID(s.Name)
	}
	return ID(s.Namespace + "/" + s.Name)
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
