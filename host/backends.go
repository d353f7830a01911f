package host

import (
	"slices"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Uses registers a backend that serves a grant of the component: kind is the grants' key in the manifest (keyvalue), grant the name in there
// (default), backend the backend's name or type (redis). A second call for the same grant does nothing. The registration ends with the binding.
func (b *Binding) Uses(kind, grant, backend string, h *Health) {
	if b.uses != nil {
		b.uses(workload.BackendStatus{Component: b.Component.Name, Kind: kind, Grant: grant, Backend: backend}, h)
	}
}

// backends are those that one component uses. Safe for concurrent use.
type backends struct {
	mu   sync.Mutex
	uses []*backendUse
}

// add adds a use, unless it is there: a component has a binding for each program that it is linked into.
func (b *backends) add(u *backendUse) (first, added bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.uses, func(other *backendUse) bool { return other.status == u.status }) {
		return false, false
	}
	b.uses = append(b.uses, u)
	return len(b.uses) == 1, true
}

// uses registers what a binding of a component uses with the backend, and with the component's observer.
func (m *making) uses(p *part, s workload.BackendStatus, h *Health) {
	u := &backendUse{workload: m.w.ID(), status: s, health: h}
	if m.started {
		u.host = m.h
	}
	first, added := p.backends.add(u)
	if !added {
		return
	}
	if first {
		for _, g := range p.backends.gauges() {
			m.onRelease(cm.AddGauge(p.interceptor(), cm.Path(s.Component), g))
		}
	}
	m.onRelease(h.use(u))
}

// gauges are the measurements of the backends.
func (b *backends) gauges() []cm.Gauge {
	each := func(f func(workload.BackendState, ...cm.Attr)) {
		b.mu.Lock()
		uses := slices.Clone(b.uses)
		b.mu.Unlock()
		for _, u := range uses {
			f(u.health.State(), cm.Attr{Key: "backend.kind", Value: u.status.Kind}, cm.Attr{Key: "backend.grant", Value: u.status.Grant}, cm.Attr{Key: "backend.name", Value: u.status.Backend})
		}
	}
	state := cm.Gauge{Name: "backend.state", Unit: "1", Help: "The state of a backend when it was last called: 1 for the one that it is in, up or why it is down, 0 for the others."}
	state.Read = func(observe func(int64, ...cm.Attr)) {
		each(func(s workload.BackendState, attrs ...cm.Attr) {
			for _, word := range workload.BackendStates {
				is := int64(0)
				if s.String() == word {
					is = 1
				}
				observe(is, append(attrs, cm.Attr{Key: "backend.state", Value: word})...)
			}
		})
	}
	down := cm.Gauge{Name: "backend.down.duration", Unit: "s", Help: "How long a backend has been down; 0 where it is up."}
	down.Read = func(observe func(int64, ...cm.Attr)) {
		each(func(s workload.BackendState, attrs ...cm.Attr) {
			seconds := int64(0)
			if s.Down() {
				seconds = int64(time.Since(s.Since).Seconds())
			}
			observe(seconds, attrs...)
		})
	}
	return []cm.Gauge{state, down}
}

// used are those of statuses that the components of this start use: while one start replaces another, both tell of theirs.
func (m *making) used(statuses []workload.BackendStatus) (out []workload.BackendStatus) {
	for _, s := range statuses {
		p := m.parts[s.Component]
		if p != nil && p.backends.has(s) {
			out = append(out, s)
		}
	}
	return out
}

// has says whether the component uses a backend, whatever its state.
func (b *backends) has(s workload.BackendStatus) bool {
	s.State = workload.BackendState{}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.uses, func(u *backendUse) bool { return u.status == s })
}

// tellBackend notes the state of a backend in the status of a workload that uses it, and tells watchers.
func (h *Local) tellBackend(id workload.ID, s workload.BackendStatus, state workload.BackendState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.workloads[id]
	if r == nil || r.status.State == workload.Stopped || r.status.State == workload.Failed {
		return
	}
	at := slices.IndexFunc(r.status.Backends, func(b workload.BackendStatus) bool {
		b.State = workload.BackendState{}
		return b == s
	})
	all := slices.Clone(r.status.Backends) // events hold the old one
	if s.State = state; at < 0 {
		r.status.Backends = append(all, s)
		return // the start of the workload is told by its own event
	}
	all[at] = s
	r.status.Backends = all
	h.tellLocked(r, time.Now())
}
