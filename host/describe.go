package host

import (
	"cmp"
	"slices"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// WorkloadStatus is a workload's status, with that of the components that events reach.
type WorkloadStatus struct {
	workload.Status
	Components []ComponentStatus // by name; none of a workload that does not run
}

// ComponentStatus is what a component has under way.
type ComponentStatus struct {
	Name string
	Pool component.PoolStats
}

// Workloads returns the status of each workload that the host knows, by ID: those that run, and of those that have ended the last 1000.
func (h *Local) Workloads() []WorkloadStatus {
	h.mu.Lock()
	all := make([]WorkloadStatus, 0, len(h.workloads))
	pools := make([]map[string]*component.Pool, 0, len(h.workloads))
	for _, r := range h.workloads {
		all = append(all, WorkloadStatus{Status: r.status})
		pools = append(pools, r.pools)
	}
	h.mu.Unlock()
	for i := range all {
		for name, p := range pools[i] {
			all[i].Components = append(all[i].Components, ComponentStatus{name, p.Stats()})
		}
		slices.SortFunc(all[i].Components, func(a, b ComponentStatus) int { return cmp.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(all, func(a, b WorkloadStatus) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// pools are those of the components that events reach, by name.
func (v *invoker) pools() map[string]*component.Pool {
	out := map[string]*component.Pool{}
	for _, e := range v.entries {
		if e.pool != nil {
			out[e.name] = e.pool
		}
	}
	return out
}
