// Package schedule asks Go's scheduler, inside components, what it has no public functions for: which task a goroutine belongs to, when the next timer is due, and
// whether any goroutine can run.
//
// It relies on names of Go's runtime that are not public: runtime/pprof.runtime_getProfLabel and runtime_setProfLabel, runtime.timeSleepUntil, runtime.nanotime and
// runtime.gcBlackenEnabled. All of them are in Go 1.26. Where a version of Go does not have one of them, no component links: the linker says "relocation target runtime.… not defined", with
// this package. Then that version of Go takes a newer version of the SDK.
package schedule
