package telemetry

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// Bounds of what is known of traces.
const (
	traceSets     = 2 << 10 // of the table of the traces that invocations are part of
	setTraces     = 16      // in one of its sets, beside those of events under way
	maxMadeTraces = 1 << 10 // that guests of one workload have begun
	maxMembers    = 4       // workloads in one trace
)

// traceMembers knows which workloads take part in recent traces, so that a guest that names the trace of another workload is
// refused. Traces that nobody here has heard of are the guest's own to begin. It is kept only while a component is linked that can
// name traces. Safe for concurrent use.
//
// Every request joins a trace, so joining reads one set of a table, under the set's own lock: a map of as many traces costs a request
// ten times as much, nearly all of it waiting for memory.
type traceMembers struct {
	seed  maphash.Seed // a client chooses the traces of its requests, and shall not choose their set
	once  sync.Once
	sets  []traceSet
	mu    sync.Mutex // of the fields below
	ids   map[tenant]uint32
	made  map[trace.TraceID]uint32 // traces that guests have begun: by which workload
	any   atomic.Bool              // made is not empty
	rings map[uint32]*ring         // by workload, so that nobody's traces are forgotten for another's
}

// tenant is a workload, whatever its version.
type tenant struct{ namespace, workload string }

// members are the numbers of the workloads that take part in a trace; 0 is none.
type members [maxMembers]uint32

// traceSet are the traces with the same hash: the last ones, and all of those that events under way are part of.
type traceSet struct {
	mu      sync.Mutex
	entries []traceEntry
	next    int // which one is next to make room
}

type traceEntry struct {
	trace trace.TraceID
	in    members
	open  int32 // events under way
}

// find returns a trace's entry; nil if there is none.
func (s *traceSet) find(t trace.TraceID) *traceEntry {
	for i := range s.entries {
		if e := &s.entries[i]; e.trace == t {
			return e
		}
	}
	return nil
}

// add makes the entry of a trace. In a full set it takes the place of another, the next that no event under way is part of.
func (s *traceSet) add(t trace.TraceID) *traceEntry {
	if len(s.entries) >= setTraces {
		for range s.entries {
			e := &s.entries[s.next%len(s.entries)]
			s.next = (s.next + 1) % len(s.entries)
			if e.open == 0 {
				*e = traceEntry{trace: t}
				return e
			}
		}
	}
	s.entries = append(s.entries, traceEntry{trace: t})
	return &s.entries[len(s.entries)-1]
}

// shrink gives back what the set grew by for events under way, of which one has ended.
func (s *traceSet) shrink(e *traceEntry) {
	last := len(s.entries) - 1
	if last < setTraces || e.open > 0 {
		return
	}
	*e = s.entries[last]
	s.entries = s.entries[:last]
}

// add adds a workload, if there is room.
func (in *members) add(who uint32) {
	if slices.Contains(in[:], who) {
		return
	}
	if free := slices.Index(in[:], 0); free >= 0 {
		in[free] = who
	}
}

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
			m.ids, m.made, m.rings = map[tenant]uint32{}, map[trace.TraceID]uint32{}, map[uint32]*ring{}
		}
		n = uint32(len(m.ids) + 1)
		m.ids[t] = n
	}
	return n
}

// set returns the locked set of a trace.
func (m *traceMembers) set(t trace.TraceID) *traceSet {
	m.once.Do(func() { m.seed, m.sets = maphash.MakeSeed(), make([]traceSet, traceSets) })
	s := &m.sets[maphash.Bytes(m.seed, t[:])%traceSets]
	s.mu.Lock()
	return s
}

// join notes that an event of a workload is part of a trace, until leave.
func (m *traceMembers) join(t trace.TraceID, who uint32) {
	s := m.set(t)
	defer s.mu.Unlock()
	e := s.find(t)
	if e == nil {
		e = s.add(t)
		if maker := m.maker(t); maker != 0 {
			e.in.add(maker)
		}
	}
	e.open++
	e.in.add(who)
}

// leave notes that such an event has ended.
func (m *traceMembers) leave(t trace.TraceID) {
	s := m.set(t)
	defer s.mu.Unlock()
	if e := s.find(t); e != nil {
		e.open--
		s.shrink(e)
	}
}

// isOpen says whether an event under way is part of a trace.
func (m *traceMembers) isOpen(t trace.TraceID) bool {
	s := m.set(t)
	defer s.mu.Unlock()
	e := s.find(t)
	return e != nil && e.open > 0
}

// admits says whether a workload's guest may name a trace: one that it takes part in, or one that nobody has heard of, which is the
// workload's from then on.
func (m *traceMembers) admits(t trace.TraceID, who uint32) bool {
	s := m.set(t)
	defer s.mu.Unlock()
	if e := s.find(t); e != nil {
		return slices.Contains(e.in[:], who)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if maker := m.made[t]; maker != 0 {
		return maker == who
	}
	made := m.rings[who]
	if made == nil {
		made = &ring{}
		m.rings[who] = made
	}
	delete(m.made, made.add(t, maxMadeTraces))
	m.made[t] = who
	m.any.Store(true)
	return true
}

// maker returns the workload whose guest has begun a trace; 0 for none.
func (m *traceMembers) maker(t trace.TraceID) uint32 {
	if !m.any.Load() {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made[t]
}
