package workload

// ID is the name under which a host runs the workload: "namespace/name", or the name alone.
func (s *Spec) ID() ID {
	if s.Namespace == "" {
		return ID(s.Name)
	}
	return ID(s.Namespace + "/" + s.Name)
}

// Component finds a component by name; nil if there is none.
func (s *Spec) Component(name string) *Component {
	for i := range s.Components {
		if s.Components[i].Name == name {
			return &s.Components[i]
		}
	}
	return nil
}
