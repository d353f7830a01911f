package async

import "unsafe"

// These are Go's own, which have no public names: the labels of a goroutine, which it hands on to those that it begins, and the time of the next timer.

//go:linkname label runtime/pprof.runtime_getProfLabel
func label() unsafe.Pointer

//go:linkname setLabel runtime/pprof.runtime_setProfLabel
func setLabel(labels unsafe.Pointer)

//go:linkname nextTimer runtime.timeSleepUntil
func nextTimer() int64

//go:linkname now runtime.nanotime
func now() int64

//go:linkname gcBlackenEnabled runtime.gcBlackenEnabled
var gcBlackenEnabled uint32

// collecting says whether the garbage collector marks, and so whether goroutines may wait for it.
func collecting() bool { return gcBlackenEnabled != 0 }

// addressOf is where bytes are. Go's collector moves nothing on the heap; see pending.
func addressOf(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
