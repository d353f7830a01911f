// Package cabi is what the bindings call that `bindgen --component` writes for code inside a component: the memory through which
// values cross the component's border by the canonical ABI, and the Go types of WIT's tuples and results.
//
// Values that are not numbers are written into a room, where the host reads them; what the host returns, it puts into the same room, by
// cabi_realloc. [Enter] and [Leave] surround one crossing, and the room is empty again when no crossing is under way. Bindings copy what they
// lift, so nothing that a program holds is in the room.
//
// cabi_realloc must not call the host, and Go's allocator may do so, as the collector reads the clock. So the room is no memory of Go's heap:
// it is an array of 64 KiB, and where that is too small, pages that the runtime's own sbrk gives, which is why components
// are linked with -ldflags=-checklinkname=0.
//
// Bindings of synchronous functions are all that there are. Code of its own that calls asynchronous functions of WASI 0.3 keeps what it passes in memory of its own until the call is
// over, and cannot have strings and lists as their results: these are in the room when the host returns them, which another task may empty before they are read.
//
// Outside of a component (any GOOS but wasip1) the room is a slice, so that conversions can be tested, and calling an import panics with [NoHost].
// There and in a component, the package is for one goroutine at a time, which GOOS=wasip1 ensures.
package cabi
