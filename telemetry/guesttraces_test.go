package telemetry

import (
	"encoding/binary"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func traceNumber(n int) (t trace.TraceID) {
	binary.BigEndian.PutUint64(t[:], uint64(n+1))
	return t
}

// A workload may name the traces of its events and those that its guests have begun, but none of another's.
func TestTraceMembers(t *testing.T) {
	var m traceMembers
	a, b := m.member(identity{namespace: "x", workload: "a"}), m.member(identity{namespace: "x", workload: "b"})
	if again := m.member(identity{namespace: "x", workload: "a", version: "2"}); again != a || a == b {
		t.Fatalf("members %d, %d, %d", a, b, again)
	}
	admits := func(n int, who uint32, want bool) {
		t.Helper()
		if got := m.admits(traceNumber(n), who); got != want {
			t.Errorf("trace %d of workload %d: %v", n, who, got)
		}
	}
	m.join(traceNumber(1), a)
	admits(1, a, true)
	admits(1, b, false)
	m.join(traceNumber(1), b) // the caller of both
	admits(1, b, true)
	admits(2, a, true) // begun by a's guest
	admits(2, b, false)
	m.join(traceNumber(2), b) // which called b
	admits(2, b, true)
	admits(2, a, true)
	if !m.isOpen(traceNumber(1)) || m.isOpen(traceNumber(3)) {
		t.Error("wrong traces are open")
	}
	m.leave(traceNumber(1))
	m.leave(traceNumber(1))
	if m.isOpen(traceNumber(1)) {
		t.Error("a trace is open after its events")
	}
	for n := range maxMadeTraces { // a guest's traces are forgotten for its own
		admits(100+n, a, true)
	}
	admits(2, b, true)
	admits(100, b, false)
	m.admits(traceNumber(99), a)
	admits(100, b, true)
}

// Events under way are known however many there are, and what they took is given back.
func TestTraceMembersUnderWay(t *testing.T) {
	const events = 3 * traceSets * setTraces
	var m traceMembers
	a, b := m.member(identity{workload: "a"}), m.member(identity{workload: "b"})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := w; n < events; n += 4 {
				m.join(traceNumber(n), a)
				m.join(traceNumber(n), a)
				m.leave(traceNumber(n))
			}
		})
	}
	wg.Wait()
	for n := range events {
		if !m.isOpen(traceNumber(n)) || m.admits(traceNumber(n), b) {
			t.Fatalf("event %d is not known", n)
		}
	}
	for n := range events {
		m.leave(traceNumber(n))
	}
	for n := range 2 * events {
		m.join(traceNumber(events+n), a)
		m.leave(traceNumber(events + n))
	}
	for i := range m.sets {
		if n := len(m.sets[i].entries); n > setTraces {
			t.Fatalf("set %d has %d traces", i, n)
		}
	}
}

func BenchmarkTraceMembers(b *testing.B) {
	var m traceMembers
	a := m.member(identity{workload: "a"})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		m.join(traceNumber(n), a)
		m.leave(traceNumber(n))
	}
}
