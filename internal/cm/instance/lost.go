package instance

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// A call that fails half way may have taken resources from their owner without giving them to another: out of the
// caller's table, or from the host, and not into the callee's. The guest is dead then, and its destructors are not run,
// but what belongs to the host (an open file, say) has to be let go.

// lose lets go of the resources that a lifting took before it failed.
func (s *Store) lose(ctx context.Context) {
	for _, r := range s.handles.moved {
		letGo(ctx, r)
	}
	s.handles.moved = s.handles.moved[:0]
}

// loseVals lets go of the resources that values own. Those that are in a table already are let go only once.
func loseVals(ctx context.Context, fields []cm.Field, vals []cm.Val) {
	for i := range min(len(fields), len(vals)) {
		loseVal(ctx, fields[i].Type, vals[i])
	}
}

func loseVal(ctx context.Context, t *cm.Type, v cm.Val) {
	if t == nil || v.IsZero() || !v.Holds(t.Kind) || !owns(t) {
		return
	}
	switch t.Kind {
	case cm.KindOwn:
		letGo(ctx, v.Resource())
	case cm.KindRecord, cm.KindTuple:
		loseVals(ctx, t.Fields, v.List())
	case cm.KindList:
		for _, e := range v.List() {
			loseVal(ctx, t.Elem, e)
		}
	case cm.KindVariant:
		if p, ok := v.Payload(); ok && int(v.Case()) < len(t.Cases) {
			loseVal(ctx, t.Cases[v.Case()].Type, p)
		}
	case cm.KindOption:
		if p, ok := v.Payload(); ok {
			loseVal(ctx, t.Elem, p)
		}
	case cm.KindResult:
		if p, ok := v.Payload(); ok && v.Case() == 0 {
			loseVal(ctx, t.OK, p)
		} else if ok {
			loseVal(ctx, t.Err, p)
		}
	}
}

// owns says whether values of a type can own resources.
func owns(t *cm.Type) bool {
	if t == nil {
		return false
	}
	switch t.Kind {
	case cm.KindOwn:
		return true
	case cm.KindRecord, cm.KindTuple:
		for _, f := range t.Fields {
			if owns(f.Type) {
				return true
			}
		}
	case cm.KindVariant:
		for _, c := range t.Cases {
			if owns(c.Type) {
				return true
			}
		}
	case cm.KindList, cm.KindOption:
		return owns(t.Elem)
	case cm.KindResult:
		return owns(t.OK) || owns(t.Err)
	}
	return false
}

// letGo drops a resource of the host's. The call has its error already, so that one of the drop is of no interest.
func letGo(ctx context.Context, r *cm.Resource) {
	if r == nil || r.Dropped || r.Type.Owner != nil {
		return
	}
	r.Dropped = true
	if r.Type.Drop != nil {
		_ = r.Type.Drop(ctx, r)
	}
}
