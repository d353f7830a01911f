package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapFloor is the size up to which the heap may grow before the collector runs. A host keeps little on Go's heap (guests
// have memories of their own) and allocates for each request, so that with Go's default, twice the live heap, the collector
// would run many times a second.
const heapFloor = 16 << 20

// relaxCollector lets the heap grow to heapFloor between collections; larger heaps have Go's default. It does nothing where
// GOGC or GOMEMLIMIT is set.
func relaxCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	percent := percentFor(0)
	debug.SetGCPercent(percent)
	afterCollection(percent)
}

// afterCollection adjusts GOGC after each collection, when the finalizer of an unreachable object runs. percent is the
// current value.
func afterCollection(percent int) {
	type sentinel struct{ _ *byte }
	s := &sentinel{}
	runtime.SetFinalizer(s, func(*sentinel) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Kind() == metrics.KindUint64 {
			if now := percentFor(live[0].Value.Uint64()); now*10 < percent*9 || now*9 > percent*10 { // each change stops the world
				percent = now
				debug.SetGCPercent(percent)
			}
		}
		afterCollection(percent)
	})
}

// percentFor is the GOGC value that lets a heap of live bytes grow to heapFloor, and at least to twice its size.
func percentFor(live uint64) int {
	const least = 4 << 20 // Go counts smaller heaps as this size
	if live = max(live, least); live*2 >= heapFloor {
		return 100
	}
	return int(heapFloor*100/live - 100)
}

// startPagesAfter is how long after its start a server gives up the pages that only the start has needed: the first requests are over then, which
// would map some of them again one by one.
const startPagesAfter = 5 * time.Second
