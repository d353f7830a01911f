// Package corewasm reads core WebAssembly modules and rewrites them, bytes to bytes, so that they can run inside a host
// that wants to stay in charge. It knows no engine: what goes in is a module as a component embeds it, what comes out is
// a module that behaves the same and besides
//
//   - imports from keys of the caller's choice ([Options].Slots), because a component wires every import by itself while
//     an engine resolves whole module names, and because wit-component's empty module name is refused by some engines;
//   - counts fuel: a mutable global goes down at every loop head, at the entry of every function that calls, and with
//     the size of bulk operations, and the imported function [CheckModule].[CheckField] is called when it is used up;
//   - exports its mutable globals, so that a host can save and restore them;
//   - does not let a table grow past a limit that the host sets, and notes that it did not;
//   - has no start section (the host calls the function that [Result].Start names) and traps there when an active
//     element segment is out of bounds, which wazero ignores;
//   - carries a name section in which every function has a name, and no other custom section.
//
// Every index that the module's own code uses stays what it is, save function indices, which move by one past the
// imported functions. Nothing is validated beyond what reading needs; the engine validates the result.
//
// Everything that is read is bounded: counts by the bytes that are there, and locals, parameters and the like by the
// limits of the WebAssembly JavaScript interface, so that no small module can make a reader allocate much. Opcodes with
// a prefix must be encoded in their shortest form: wazero reads them so, and a reader that saw other instructions than
// the engine would count fuel in the wrong places.
package corewasm
