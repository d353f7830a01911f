// Package instance runs a plan: it compiles a [plan.Program]'s core modules, makes the trampolines that guests import,
// and instantiates the whole as a [Store].
//
// A [Linked] is everything that exists without state: compiled modules, functions compiled for lifting
// and lowering, hooks bound to boundaries. A [Store] is the state: core instances, memories, handle tables. Trampolines
// are made once for all stores of a Linked; the store that they act on comes with the context of the call, an
// [activation].
//
// A call from the host is a [root]: a task, the core thread that it runs on, and its interrupt. It belongs to an [Invocation],
// one use of the store. Calls from guest to guest are tasks in the same thread. Several roots may be in a store at once, as
// long as one goroutine at a time runs in it and the others are parked in host functions: where one of those returns,
// activation.resume has the store go on with its thread.
package instance
