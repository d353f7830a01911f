// Package cabi is what the bindings call that `bindgen --component` writes for code inside a component: the memory through which
// values cross the component's border by the canonical ABI, and the Go types of WIT's tuples and results.
//
// Values that are not numbers are written into a room, where the host reads them. [Enter] and [Leave] surround one crossing, and the room is empty again
// when no crossing is under way. What the host passes, it puts into memory that cabi_realloc gives: bindings copy what they lift, and release it.
//
// cabi_realloc must not call the host, and Go's allocator may do so, as the collector reads the clock. So neither is memory of Go's heap:
// the room is an array of 64 KiB, and where that is too small, and for what the host passes, there are pages that the runtime's own sbrk gives, which is why
// components are linked with -ldflags=-checklinkname=0.
//
// Asynchronous functions are package async's. What is passed to them and their results are in a [Buffer] each, which lasts until the call is over.
//
// Outside of a component (any GOOS but wasip1) both are a slice, so that conversions can be tested, and calling an import panics with [NoHost].
// There and in a component, the package is for one goroutine at a time, which GOOS=wasip1 ensures.
package cabi
