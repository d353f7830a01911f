// Package core is the only importer of wazero: it compiles, instantiates and calls core modules for the component layer
// above, and hides how wazero wants to be treated (import resolution, re-entrancy, memory lifetime, interruption).
//
// An [Engine] is shared by the whole process. A [Module] is compiled code. A [Group] is what one store's instances
// share: memory accounting, fuel, interruption; the whole tree of a store is closed with it. An [Instance] belongs to
// exactly one Group; exactly one goroutine at a time may be inside a Group.
package core
