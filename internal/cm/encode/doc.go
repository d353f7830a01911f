// Package encode makes components of core modules: what comes in is a module that a compiler has made, whose imports and exports are named as
// wit-bindgen's tools name them, and the WIT of what these names mean; what comes out is a component.
//
// A module's imports say what the component imports and which canonical built-ins it needs; its exports say what the component exports. A world is
// needed for functions and interfaces that have plain names only, and otherwise says what must be there. Interfaces are imported
// with the functions and types that the module uses.
//
// # The shape of the result
//
//	(import …)                       instances, with the types that are used
//	(core module $main)
//	(core module $shim)              a table, and a function for each slot that calls what is in it
//	(core module $fixup)             fills the table
//	(core instance $main)            its imports are lowered functions and built-ins, and for those that need $main's memory slots of $shim
//	(core instance $adapter)         where $main speaks WASI 0.1: see below
//	(core instance $fixup)
//	(component …)                    for each exported interface one that gives its types their names
//	(export …)
//
// # WASI 0.1
//
// A module that imports wasi_snapshot_preview1, as those of GOOS=wasip1 do, gets an adapter, which is our own: adapter.wat makes imports of WASI 0.2 of it. What
// hosts return to the adapter goes to a memory of its own, that of state.wat, so that it neither calls the module nor takes any of its memory. Of
// the adapter the component has what the module uses. A .wasm beside a .wat is what wasm-tools parse and then strip --all make of it.
package encode
