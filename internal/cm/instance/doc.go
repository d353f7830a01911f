// Package instance runs a plan: it compiles a [plan.Program]'s core modules, makes the trampolines that guests import,
// and instantiates the whole as a [Store].
//
// A [Linked] is everything that can be decided before there is state: compiled modules, functions compiled for lifting
// and lowering, hooks bound to boundaries. A [Store] is the state: core instances, memories, handle tables. Trampolines
// are made once for all stores of a Linked; the store that they act on comes with the context of the call, an
// [activation].
package instance
