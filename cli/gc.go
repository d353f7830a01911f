package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// heapFloor is the size up to which the heap may grow before the collector runs. A host keeps little on Go's heap (guests
// have memories of their own) and allocates for each request, so that with Go's default, twice the live heap, the collector
// would run many times a second. recordingHeapFloor is the same where telemetry is kept or sent: more is alive then, and more is allocated.
const (
	heapFloor          = 16 << 20
	recordingHeapFloor = 48 << 20
)

// heapTarget lets the heap grow to a size between collections; larger heaps have Go's default. The zero value leaves Go's default.
type heapTarget struct{ floor atomic.Uint64 }

// set lets the heap grow to floor bytes between collections. It does nothing where GOGC or GOMEMLIMIT is set.
func (t *heapTarget) set(floor uint64) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if t.floor.Swap(floor) != 0 {
		return // the next collection sees it
	}
	percent := percentFor(0, floor)
	debug.SetGCPercent(percent)
	t.afterCollection(percent)
}

// raise is set where the target has been set before.
func (t *heapTarget) raise(floor uint64) {
	if t.floor.Load() != 0 {
		t.set(floor)
	}
}

// afterCollection adjusts GOGC after each collection, when the finalizer of an unreachable object runs. percent is the
// current value.
func (t *heapTarget) afterCollection(percent int) {
	type sentinel struct{ _ *byte }
	s := &sentinel{}
	runtime.SetFinalizer(s, func(*sentinel) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Kind() == metrics.KindUint64 {
			if now := percentFor(live[0].Value.Uint64(), t.floor.Load()); now*10 < percent*9 || now*9 > percent*10 { // each change stops the world
				percent = now
				debug.SetGCPercent(percent)
			}
		}
		t.afterCollection(percent)
	})
}

// percentFor is the GOGC value that lets a heap of live bytes grow to floor, and at least to twice its size.
func percentFor(live, floor uint64) int {
	const least = 4 << 20 // Go counts smaller heaps as this size
	if live = max(live, least); live*2 >= floor {
		return 100
	}
	return int(floor*100/live - 100)
}

// startPagesAfter is how long after its start a server gives up the pages that only the start has needed: the first requests are over then, which
// would map some of them again one by one.
const startPagesAfter = 5 * time.Second
