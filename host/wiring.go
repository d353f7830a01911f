package host

import (
	"cmp"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Wiring is what a running workload was started with, and who calls whom in it.
type Wiring struct {
	Spec *workload.Spec // not to be changed
	// Boundaries are those of each program that the workload's components were linked to, in the order of their making. Nobody may change
	// them.
	Boundaries [][]*cm.Boundary
}

// Wirings returns the wiring of each workload that runs, by ID.
func (h *Local) Wirings() []Wiring {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Wiring
	for _, r := range h.workloads {
		if r.status.State != workload.Running && r.status.State != workload.Draining || r.made == nil || r.spec == nil {
			continue
		}
		w := Wiring{Spec: r.spec}
		for _, l := range r.made.linked {
			w.Boundaries = append(w.Boundaries, l.Boundaries())
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Wiring) int { return cmp.Compare(a.Spec.ID(), b.Spec.ID()) })
	return out
}
