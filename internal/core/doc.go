// Package core is the only importer of wazero: it compiles, instantiates and calls core modules for the component layer
// above, and hides wazero's constraints (import resolution, re-entrancy, memory lifetime, interruption).
//
// An [Engine] is shared by the whole process. A [Module] is compiled code. A [Group] is shared by the instances of
// one store: memory and fuel accounting; closing it closes them all. An [Instance] belongs to
// exactly one Group. Exactly one goroutine at a time runs inside a Group; others may be parked there, each with a [Thread].
//
// The input is core modules as components embed them. Package corewasm rewrites each before wazero sees it, and so adds most of what
// wazero lacks:
//
//   - Imports. wazero resolves imports by module name, and refuses the empty name that wit-component emits. Each import
//     is renamed to a [Slot], a number of a source and a field of it, and a resolver made for one instantiation turns
//     numbers into instances. All instances are anonymous, so that a store can have any number of one module.
//   - Interruption. Go cannot pre-empt machine code: a guest that spins not only runs for ever, it also blocks the whole process
//     once the garbage collector needs to stop the world. wazero's own remedy multiplies the run time and closes the module.
//     Rewritten code counts fuel and calls a Go function when it is used up; there the Go scheduler can run, and the task's
//     [Interrupt] is checked. A single bulk operation cannot be interrupted; it is bounded by the size of the memory.
//   - Start functions run after wazero has instantiated, as an ordinary call: only then is the context that host
//     functions see the caller's own, and an error the same as that of any other call.
//
// The rest is done here. wazero's call objects are expensive to make and must not be entered twice, so a [Func] keeps those that
// no call is using. Memory is mapped, never moves, and belongs to the group, because wazero frees it too early. Host errors pass
// through guest frames as panics and are returned unchanged; wazero's run-time errors and other panics become *cm.Trap.
//
// A guest that recurses for ever ends with call-stack-exhausted at [Limits].Stack, to the byte: it runs on a stack of that
// size that this package makes. wazero's interpreter has no such stack, and ends it after 2000 nested calls. The layer above
// bounds how deep guests may call each other through the host.
//
// A [Snapshot] holds an earlier state of instances, and [Group.Reset] sets them back to it for a fraction of the cost of new ones.
// Memory is a private mapping of an image that all stores of a program share; the kernel says which pages have been written. Such
// pages are copied back, because the next invocation is going to write to them again and a page fault costs ten times as much, or
// dropped where they are many. Globals are set through exports that rewriting adds.
// Tables, segments and vector globals cannot be reset: a module whose code changes one has no snapshot. Where the system does not say
// which pages were written, all are dropped; where it cannot map images, all are copied.
//
// On processors for which wazero has no compiler, its interpreter runs the same modules, slowly. On systems without mmap or
// enough address space memory is Go's.
package core
