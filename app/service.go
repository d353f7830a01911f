package app

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// checkServices finds mistakes in services, and in what else the manifest says of their components.
func (d *decoder) checkServices(m *v1alpha1.Workload, names []string) {
	services := map[v1alpha1.Name]bool{}
	for i := range m.Spec.Services {
		s := &m.Spec.Services[i]
		key := ServiceKey(i)
		d.checkComponentName(s.Component, key, names)
		if s.Component != "" && services[s.Component] {
			d.failAt(key, "a second service of component %s; a component is one service at most", s.Component)
		}
		services[s.Component] = true
		if s.Backoff != 0 && s.MaxBackoff != 0 && s.MaxBackoff < s.Backoff {
			d.failAt(fmt.Sprintf("spec.services[%d].maxBackoff", i), "it is shorter than backoff; want at least as long")
		}
		if s.Restart == "never" && s.MaxRestarts != nil {
			d.failAt(fmt.Sprintf("spec.services[%d].maxRestarts", i), "there are no restarts with restart: never; take one of the two away")
		}
	}
	for i := range m.Spec.Components {
		d.checkOneInstance(&m.Spec.Components[i], fmt.Sprintf("spec.components[%d]", i), services)
	}
	for i, t := range m.Spec.Triggers {
		key := fmt.Sprintf("spec.triggers[%d].%s", i, t.Type)
		for k, name := range t.Chain {
			if services[name] {
				d.failAt(fmt.Sprintf("%s.chain[%d]", key, k), "%s is a service, and a chain would have an instance of it of its own; take it out of the chain, or out of the services", name)
			}
		}
		if len(t.Chain) > 0 && services[t.Component] {
			d.failAt(key+".chain", "%s is a service, and a chain would have an instance of it of its own; take the chain away, or the service", t.Component)
		}
	}
}

// checkOneInstance reports what contradicts that a service has one instance, which nobody else is linked to.
func (d *decoder) checkOneInstance(c *v1alpha1.Component, key string, services map[v1alpha1.Name]bool) {
	for _, imp := range sortedKeys(c.Links) {
		if to := c.Links[imp]; services[to] {
			d.failAt(fmt.Sprintf("%s.links.%q", key, imp),
				"%s is a service, and who is linked to it would have an instance of its own; reach it at 127.0.0.1 or by http://%s.internal, or take it out of the services", to, to)
		}
	}
	if !services[c.Name] {
		return
	}
	in := &c.Instances
	for _, bad := range []struct {
		key string
		set bool
	}{
		{"isolation", in.Isolation != "" && in.Isolation != "reuse"}, {"max", in.Max > 1}, {"ready", in.Ready != nil},
		{"uses", in.Uses != 0}, {"idle", in.Idle != 0},
	} {
		if bad.set {
			d.failAt(key+".instances."+bad.key, "%s is a service, which has one instance as long as it runs; take the key away", c.Name)
		}
	}
}

// ServiceKey is the key of a service's component in a manifest.
func ServiceKey(service int) string { return fmt.Sprintf("spec.services[%d].component", service) }
