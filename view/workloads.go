package view

import "github.com/vitrine-wasm/vitrine/view/internal/api"

// What the page shows of workloads: who calls whom, by which grants, within which limits.
type (
	Workload  = api.Workload
	Trigger   = api.Trigger
	Component = api.Component
	Fact      = api.Fact
	Call      = api.Call
)

// ShowWorkloads has the viewer show workloads. f is called for each request of the page, from several goroutines.
func (v *Viewer) ShowWorkloads(f func() []Workload) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.workloads = f
}

func (v *Viewer) running() []Workload {
	v.mu.Lock()
	f := v.workloads
	v.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}
