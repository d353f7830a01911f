package cm

import (
	"context"

	"github.com/vitrine-wasm/vitrine/wit"
)

// Kind is the kind of a value type, in the order of the specification's list (Explain.md §type definitions).
type Kind uint8

// The kinds of value types.
const (
	KindBool Kind = iota + 1
	KindS8
	KindU8
	KindS16
	KindU16
	KindS32
	KindU32
	KindS64
	KindU64
	KindF32
	KindF64
	KindChar
	KindString
	KindErrorContext
	KindRecord
	KindVariant
	KindList   // Elem; Len > 0 makes it a fixed-length list
	KindTuple  // Fields without names
	KindFlags  // Labels
	KindEnum   // Labels
	KindOption // Elem
	KindResult // OK and Err, each nil when absent
	KindMap    // Key and Elem
	KindOwn    // Resource
	KindBorrow // Resource
	KindStream // Elem, nil when absent
	KindFuture // Elem, nil when absent
)

// Type is a value type. Types are immutable once built and may be shared by any number of goroutines. Two types are
// compared with [Equal], not with ==.
type Type struct {
	Kind     Kind
	Name     string        // the WIT name, for messages and generated code; no part of the type's identity
	Fields   []Field       // Record, Tuple
	Cases    []Case        // Variant
	Labels   []string      // Enum, Flags
	Elem     *Type         // List, Option, Map value, Stream, Future
	Key      *Type         // Map
	OK, Err  *Type         // Result
	Len      uint32        // List of fixed length
	Resource *ResourceType // Own, Borrow
}

// Field is one field of a record (or, with an empty name, of a tuple).
type Field struct {
	Name string
	Type *Type
}

// Case is one case of a variant; Type is nil where the case has no payload.
type Case struct {
	Name string
	Type *Type
}

// FuncType is a function's type. Result is nil where there is none (the specification has at most one result).
type FuncType struct {
	Params []Field
	Result *Type
	Async  bool // the function's type is async: a synchronous caller may have to wait
}

// ResourceType is the identity of a resource type: two are the same type exactly if they are the same pointer.
//
// A host defines one with Drop (may be nil) and gives its resources a Go object as representation. A component defines
// its own, one for each component instance; their representation is a number that only the guest understands.
type ResourceType struct {
	Interface wit.InterfaceID // where it was first named; informational
	Name      string          // "input-stream"

	// Drop is called when the owner drops a resource of a host-defined type: from resource.drop in the guest, or
	// when the store closes. r.Obj is the host's object. An error traps the guest that dropped it.
	Drop func(ctx context.Context, r *Resource) error

	// Slot is the index of this type among the resource types of the component plan that it belongs to; the engine's own.
	Slot int
	// Owner is the engine's component instance that defined the type; nil for a host-defined type.
	Owner any
}

// String is "interface.name" for messages.
func (r *ResourceType) String() string {
	if r == nil {
		return "resource"
	}
	if r.Interface.Interface == "" {
		return r.Name
	}
	return r.Interface.String() + "." + r.Name
}
