package cm

import "context"

// Context is context.Context; it is named here so that signatures of this package read alike.
type Context = context.Context

// Resource is one live resource. The same *Resource is seen by everybody who holds a handle to it, so a host may keep
// state in it; who owns it is recorded in handle tables, not here.
//
// Host-defined resources carry their Go object in Obj; guest-defined ones their representation in Rep.
type Resource struct {
	Type *ResourceType
	Obj  any
	Rep  uint32

	// Dropped is set once the destructor has been started. The engine's own.
	Dropped bool
}

// NewResource makes a resource of a host-defined type.
func NewResource(t *ResourceType, obj any) *Resource { return &Resource{Type: t, Obj: obj} }
