// Package types has the canonical ABI's facts about value types as data: size, alignment, field offsets, flattening
// (CanonicalABI.md §Alignment, §Element Size, §Flattening). It also interns types, so that structurally equal types of
// one plan are one pointer. It reads no bytes of a component and lifts nothing.
package types
