// Package core is the only importer of wazero: it compiles, instantiates and calls core modules for the component layer
// above, and hides how wazero wants to be treated (import resolution, re-entrancy, memory lifetime, interruption).
//
// An [Engine] is shared by the whole process. A [Module] is compiled code. A [Group] is what one store's instances
// share: memory and fuel accounting; the whole tree of a store is closed with it. An [Instance] belongs to
// exactly one Group. Exactly one goroutine at a time runs inside a Group; others may be parked there, each with a [Thread].
//
// What goes in are modules as components embed them. Package corewasm rewrites each before wazero sees it, which is where
// most of what wazero lacks is added:
//
//   - Imports. wazero resolves imports by module name, and refuses the empty name that wit-component emits. Each import
//     is renamed to a [Slot], a number of a source and a field of it, and a resolver made for one instantiation turns
//     numbers into instances. All instances are anonymous, so that any number of the same module live side by side.
//   - Interruption. Machine code cannot be pre-empted by Go: a spinning guest does not only run for ever, it stops
//     everything once the collector wants the world to stop. wazero's own remedy costs a multiple of the run time and
//     closes the module. Rewritten code counts fuel and calls back when it is used up; that is in Go, where
//     the scheduler gets its turn and the [Interrupt] of the task is heard. What cannot be interrupted is one single bulk
//     operation, which is bounded by the size of the memory.
//   - Start functions run after wazero has instantiated, as an ordinary call: only then is the context that host
//     functions see the caller's own, and an error the same as that of any other call.
//
// The rest is done here. Call objects of wazero's are expensive to make and break when they are entered twice, so a
// [Func] keeps those that no call is using. Memory is mapped, never moves, and belongs to the group, because wazero
// frees it too early. Host errors travel through guest frames as panics and come out as they went in; wazero's run-time
// errors and other people's panics become *cm.Trap.
//
// A guest that recurses for ever ends with call-stack-exhausted at [Limits].Stack, to the byte: it runs on a stack of that
// size that is made here. wazero's interpreter has no such stack, and ends it after 2000 nested calls. How deep
// guests may call each other through the host is for the layer above to bound.
//
// A [Snapshot] holds what instances were once, and [Group.Reset] sets them back to it for a fraction of what new ones cost.
// Memory is mapped privately to an image that all stores of a program share: what was written is what the kernel says is
// no longer the image's. Such pages are copied back, because the next invocation is going to write to them again and a
// page fault costs ten times as much, or dropped where they are many. Globals are set through exports that rewriting adds.
// What lies out of reach (tables, segments, vector globals) is found in the code, and a module that changes it has no
// snapshot. Where the system tells too little about pages, all are dropped; where it cannot map images, all are copied.
//
// On processors that wazero has no compiler for its interpreter runs the same modules, slowly. On systems without mmap or
// enough address space memory is Go's.
package core
