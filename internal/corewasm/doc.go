// Package corewasm reads core WebAssembly modules and rewrites them, bytes to bytes, so that a host can interrupt, limit
// and reset them. It depends on no engine. Its input is a module as a component embeds it; its output behaves the same
// and in addition
//
//   - imports from names of the caller's choice ([Options].Slots), because a component links each import separately while
//     an engine resolves whole module names, and because some engines refuse wit-component's empty module name;
//   - counts fuel: a mutable global goes down at every loop head, at the entry of every function that calls, and with
//     the size of bulk operations, and the imported function [CheckModule].[CheckField] is called when it is used up;
//     small innermost loops that call nothing count in a local, and add it to the global when they end (hot.go);
//   - checks the bounds of accesses at one number and constants once, where nothing else happens in between (fold.go); for that the host
//     has to keep memories from growing beyond [MaxPages];
//   - exports its mutable globals, so that a host can save and restore them;
//   - asks the host before a table grows, which can refuse;
//   - has no start section (the host calls the function that [Result].Start names) and traps in that function when an active
//     element segment is out of bounds, which wazero ignores;
//   - carries a name section in which every function has a name, and no other custom section.
//
// All indices in the module's own code are unchanged, except those of defined functions, which grow by one. Nothing is
// validated beyond what reading needs; the engine validates the result.
//
// All that is read is bounded: counts by the bytes that remain, and locals, parameters and the like by the limits of the
// WebAssembly JavaScript interface, so that no small module makes the reader allocate much. Opcodes with a prefix must be
// encoded in their shortest form, as wazero reads them: a reader that saw other instructions than the engine would count
// fuel in the wrong places.
package corewasm
