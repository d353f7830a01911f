// Package canon lifts and lowers component values over a guest's memory (CanonicalABI.md), compiled once per function
// type. It is pure: it knows no engine, store or scheduler, only the interfaces that it is given. Every pointer,
// length, discriminant, string and handle from a guest may be hostile; an invalid one is a *cm.Trap.
//
// A function type is compiled to a graph of nodes, one for each value type in it, with sizes and offsets resolved.
// Lifting and lowering walk that graph: load and store over linear memory, liftFlat and lowerFlat over the core stack.
// A core stack is wazero's: one uint64 for each core value, i32 zero-extended, floats as their bits. This form makes the
// coercions of joined variant payloads (CanonicalABI.md §Flat Lifting, §Flat Lowering) free: a reader of a 32-bit type
// takes the low half, a writer leaves the high half zero.
//
// NaNs are canonicalised both ways, as the specification's deterministic profile does.
//
// Values that a host function made are checked for their form and lengths as they are lowered: a mistake is a trap with code
// host-error, never a panic, and never bytes in the guest that are no value of the type.
package canon
