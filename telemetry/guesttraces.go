package telemetry

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// Bounds of what is known of traces.
const (
	maxTraces     = 32 << 10 // that invocations are part of
	maxMadeTraces = 1 << 10  // that guests of one workload have begun
	maxMembers    = 4        // workloads in one trace
)

// traceMembers knows which workloads take part in recent traces, so that a guest that names the trace of another workload is
// refused. Traces that nobody here has heard of are the guest's own to begin. It is kept only while a component is linked that can
// name traces. Safe for concurrent use.
type traceMembers struct {
	mu      sync.Mutex
	ids     map[tenant]uint32
	traces  map[trace.TraceID]members
	open    map[trace.TraceID]int // events under way
	invoked ring
	made    map[uint32]*ring // by who has begun them, so that nobody's traces are forgotten for another's
}

// tenant is a workload, whatever its version.
type tenant struct{ namespace, workload string }

// members are the numbers of the workloads that take part in a trace; 0 is none.
type members [maxMembers]uint32

// ring keeps the last traces.
type ring struct {
	traces []trace.TraceID
	next   int
}

// add adds a trace and returns the one that is forgotten for it.
func (r *ring) add(t trace.TraceID, most int) (old trace.TraceID) {
	if len(r.traces) < most {
		r.traces = append(r.traces, t)
		return old
	}
	old, r.traces[r.next] = r.traces[r.next], t
	r.next = (r.next + 1) % most
	return old
}

// member returns the number of a service's workload.
func (m *traceMembers) member(id identity) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := tenant{id.namespace, id.workload}
	n := m.ids[t]
	if n == 0 {
		if m.ids == nil {
			m.ids, m.traces, m.made = map[tenant]uint32{}, map[trace.TraceID]members{}, map[uint32]*ring{}
			m.open = map[trace.TraceID]int{}
		}
		n = uint32(len(m.ids) + 1)
		m.ids[t] = n
	}
	return n
}

// maxKept bounds how many traces of events under way are kept in place of one that is new.
const maxKept = 8

// join notes that an event of a workload is part of a trace, until leave.
func (m *traceMembers) join(t trace.TraceID, who uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[t]++
	in, known := m.traces[t]
	if !known {
		old := m.invoked.add(t, maxTraces)
		for i := 0; i < maxKept && m.open[old] > 0; i++ {
			old = m.invoked.add(old, maxTraces)
		}
		delete(m.traces, old)
	}
	if slices.Contains(in[:], who) {
		return
	}
	if free := slices.Index(in[:], 0); free >= 0 {
		in[free] = who
		m.traces[t] = in
	}
}

// leave notes that such an event has ended.
func (m *traceMembers) leave(t trace.TraceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open[t]--; m.open[t] <= 0 {
		delete(m.open, t)
	}
}

// isOpen says whether an event under way is part of a trace.
func (m *traceMembers) isOpen(t trace.TraceID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open[t] > 0
}

// admits says whether a workload's guest may name a trace: one that it takes part in, or one that nobody has heard of, which is the
// workload's from then on.
func (m *traceMembers) admits(t trace.TraceID, who uint32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in, known := m.traces[t]; known {
		return slices.Contains(in[:], who)
	}
	made := m.made[who]
	if made == nil {
		made = &ring{}
		m.made[who] = made
	}
	delete(m.traces, made.add(t, maxMadeTraces))
	m.traces[t] = members{who}
	return true
}
