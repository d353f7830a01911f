package schedule

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"unsafe"
)

//go:linkname getProfLabel runtime/pprof.runtime_getProfLabel
func getProfLabel() unsafe.Pointer

//go:linkname setProfLabel runtime/pprof.runtime_setProfLabel
func setProfLabel(label unsafe.Pointer)

//go:linkname timeSleepUntil runtime.timeSleepUntil
func timeSleepUntil() int64

//go:linkname nanotime runtime.nanotime
func nanotime() int64

// gcBlackenEnabled is where the address is of what says whether the garbage collector marks, and so whether goroutines may wait for it. The assembler has the address: a variable of Go with
// that name would be there, and 0, also where the runtime had it no more.
func gcBlackenEnabled() **uint32

// These are called by variables: of a value that is not there the linker says so, but in place of a function that is not there it has some other one called.
var (
	getLabel  = getProfLabel
	setLabel  = setProfLabel
	nextTimer = timeSleepUntil
	now       = nanotime
	marks     = *gcBlackenEnabled()
)

// Label is the label of this goroutine; nil for none.
func Label() unsafe.Pointer { return getLabel() }

// SetLabel labels this goroutine, and those that it begins from now on. What is there has to be laid out as what package runtime/pprof keeps there.
func SetLabel(label unsafe.Pointer) { setLabel(label) }

// NextTimer is when the next timer is due, in nanoseconds as Now has them; math.MaxInt64 if there is none.
func NextTimer() int64 { return nextTimer() }

// Now is the time in nanoseconds since some start of its own.
func Now() int64 { return now() }

// AddressOf is where bytes are. Go's collector moves nothing on the heap.
func AddressOf(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

var runnable = []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}

// Settle runs every other goroutine that can run until none can.
func Settle() {
	for {
		runtime.Gosched()
		if metrics.Read(runnable); runnable[0].Value.Uint64() > 0 || NextTimer() <= Now() {
			continue
		}
		if *marks == 0 {
			return
		}
		// Goroutines that allocate may wait for the collector, which no event of the host's wakes. This waits for the end of its marking, and
		// leaves everything as it is.
		debug.SetGCPercent(debug.SetGCPercent(-1))
	}
}
