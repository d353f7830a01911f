package cm

import "context"

// Resource is one live resource. The same *Resource is seen by everybody who holds a handle to it, so a host may keep
// state in it; who owns it is recorded in handle tables, not here.
//
// Host-defined resources carry their Go object in Obj; guest-defined ones their representation in Rep.
type Resource struct {
	Type *ResourceType
	Obj  any
	Rep  uint32

	// Dropped says that the resource has ended: its destructor has been started, or a host function has consumed it. The engine
	// and End set it.
	Dropped bool

	// These have no lock: stores that pass resources to one another run on one goroutine at a time.
	living int           // children that have not ended
	parent *Resource     // it has to outlive this one; nil if none, and once this one has ended
	child  *ResourceType // of the youngest child
}

// NewResource makes a resource of a host-defined type.
func NewResource(t *ResourceType, obj any) *Resource { return &Resource{Type: t, Obj: obj} }

// NewChild makes a resource of a host-defined type that is a child of parent: as long as it lives, wherever its handle is,
// a guest that drops parent is trapped. It lives until it is dropped or consumed.
//
// This concerns drops by guests only: at the end of an instance, and where the host drops them, parents and children end in any order.
func NewChild(parent *Resource, t *ResourceType, obj any) *Resource {
	parent.living++
	parent.child = t
	return &Resource{Type: t, Obj: obj, parent: parent}
}

// End marks the resource as ended, without its destructor, which is the caller's to run. The engine and bindings call it.
func (r *Resource) End() {
	r.Dropped = true
	if p := r.parent; p != nil {
		r.parent = nil
		p.living--
	}
}

// CheckNoChildren returns a *[Trap] if the resource has children that have not ended. what is the refused operation for the message:
// "dropped".
func (r *Resource) CheckNoChildren(what string) error {
	if r.living == 0 {
		return nil
	}
	return Trapf(TrapMisuse, "%s %s while its child %s is alive", r.Type, what, r.child)
}

// EachOwned calls f for every resource that v owns. A value that does not have the form of its type owns none.
func EachOwned(t *Type, v Val, f func(*Resource)) {
	if t == nil || v.IsZero() || !v.Holds(t.Kind) || !t.owns() {
		return
	}
	switch t.Kind {
	case KindOwn:
		f(v.Resource())
	case KindRecord, KindTuple:
		fields := v.List()
		for i := range min(len(t.Fields), len(fields)) {
			EachOwned(t.Fields[i].Type, fields[i], f)
		}
	case KindList:
		for _, e := range v.List() {
			EachOwned(t.Elem, e, f)
		}
	case KindMap:
		for _, e := range v.List() {
			if kv := e.List(); len(kv) == 2 {
				EachOwned(t.Elem, kv[1], f)
			}
		}
	case KindVariant:
		if p, ok := v.Payload(); ok && int(v.Case()) < len(t.Cases) {
			EachOwned(t.Cases[v.Case()].Type, p, f)
		}
	case KindOption:
		if p, ok := v.Payload(); ok {
			EachOwned(t.Elem, p, f)
		}
	case KindResult:
		if p, ok := v.Payload(); ok && v.Case() == 0 {
			EachOwned(t.OK, p, f)
		} else if ok {
			EachOwned(t.Err, p, f)
		}
	}
}

// DropOwned drops the host-defined resources that v owns and that have not ended. It is for calls that fail half-way: their own error
// is reported, and those of the destructors are discarded.
func DropOwned(ctx context.Context, t *Type, v Val) {
	EachOwned(t, v, func(r *Resource) { r.DropUnended(ctx) })
	eachConduit(t, v, func(c *Conduit) { (&hostEnd{c: c}).drop() })
}

// DropUnended is [DropOwned] for one resource.
func (r *Resource) DropUnended(ctx context.Context) {
	if r.Dropped || r.Type.Owner != nil {
		return
	}
	r.End()
	if r.Type.Drop != nil {
		_ = r.Type.Drop(ctx, r)
	}
}

// owns says whether values of a type can own resources.
func (t *Type) owns() bool {
	if t == nil {
		return false
	}
	switch t.Kind {
	case KindOwn:
		return true
	case KindRecord, KindTuple:
		for _, f := range t.Fields {
			if f.Type.owns() {
				return true
			}
		}
	case KindVariant:
		for _, c := range t.Cases {
			if c.Type.owns() {
				return true
			}
		}
	case KindList, KindOption, KindMap:
		return t.Elem.owns()
	case KindResult:
		return t.OK.owns() || t.Err.owns()
	}
	return false
}

// eachConduit calls f for every readable end of a stream or future in v.
func eachConduit(t *Type, v Val, f func(*Conduit)) {
	if t == nil || v.IsZero() {
		return
	}
	switch t.Kind {
	case KindStream, KindFuture:
		if v.form == formAny {
			if c, ok := v.Any().(*Conduit); ok {
				f(c)
			}
		}
	case KindRecord, KindTuple:
		if v.form == formVals {
			fields := v.List()
			for i := range min(len(t.Fields), len(fields)) {
				eachConduit(t.Fields[i].Type, fields[i], f)
			}
		}
	case KindList:
		if v.form == formVals && !t.Elem.IsNumber() {
			for _, e := range v.List() {
				eachConduit(t.Elem, e, f)
			}
		}
	case KindOption, KindResult, KindVariant:
		if v.form != formCase {
			return
		}
		if p, ok := v.Payload(); ok {
			eachConduit(t.payload(v.Case()), p, f)
		}
	}
}

// payload is the type of what case i of an option, result or variant holds; nil if it holds nothing.
func (t *Type) payload(i uint32) *Type {
	switch {
	case t.Kind == KindOption:
		return t.Elem
	case t.Kind == KindResult && i == 0:
		return t.OK
	case t.Kind == KindResult:
		return t.Err
	case int(i) < len(t.Cases):
		return t.Cases[i].Type
	}
	return nil
}
