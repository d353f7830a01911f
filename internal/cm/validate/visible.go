package validate

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// checkVisible checks that an import or export refers to nothing that has no name outside, and enters the names that
// it confers in into (Explainer.md §External visibility of types). An import may refer to what is imported, an export
// to what is imported or exported: in.
func (v *validator) checkVisible(pos int, e entity, role string, into map[*typ]bool, in ...map[*typ]bool) error {
	vis := visibility{v: v, in: in}
	if e.sort != binary.SortType {
		vis.register(e, into)
	}
	if why := vis.entity(e); why != "" {
		return errorf(pos, "%s not valid to be used as %s: it refers to %s, which is not named by an %s before it", e.sort, role, why,
			map[string]string{"import": "import", "export": "import or export"}[role])
	}
	if e.sort == binary.SortType {
		vis.register(e, into)
	}
	return nil
}

// visibility looks for types without a name. Its methods describe what they find, or return "".
type visibility struct {
	v  *validator
	in []map[*typ]bool
}

func (vis *visibility) named(t *typ) bool {
	for _, m := range vis.in {
		if m[t] {
			return true
		}
	}
	return false
}

// register enters the types that e exposes.
func (vis *visibility) register(e entity, into map[*typ]bool) {
	vis.v.spend(1)
	switch e.sort {
	case binary.SortType:
		into[e.t] = true
	case binary.SortInstance:
		for _, it := range e.t.inst.exports.list {
			vis.register(it.e, into)
		}
	}
}

func (vis *visibility) entity(e entity) string {
	switch e.sort {
	case binary.SortFunc:
		return vis.fn(e.t.fn)
	case binary.SortInstance:
		return vis.members(&e.t.inst.exports)
	case binary.SortType:
		return vis.content(e.t)
	}
	return ""
}

func (vis *visibility) members(m *members) string {
	for _, it := range m.list {
		if why := vis.entity(it.e); why != "" {
			return fmt.Sprintf("%s in its export `%s`", why, it.name)
		}
	}
	return ""
}

// content checks a type that is about to be named itself.
func (vis *visibility) content(t *typ) string {
	switch t.kind {
	case kindVal:
		return vis.val(t.val)
	case kindFunc:
		return vis.fn(t.fn)
	case kindInstance:
		own := map[*typ]bool{}
		vis.register(entity{sort: binary.SortInstance, t: t}, own)
		inner := visibility{v: vis.v, in: append([]map[*typ]bool{own}, vis.in...)}
		return inner.members(&t.inst.exports)
	}
	return "" // a component type is checked where it is defined
}

func (vis *visibility) fn(f *fn) string {
	for _, p := range f.params {
		if why := vis.ref(p.ref); why != "" {
			return why
		}
	}
	return vis.ref(f.result)
}

func (vis *visibility) val(w *val) string {
	if !vis.v.spend(1) {
		return "too much"
	}
	if w.resource != nil {
		if !vis.named(w.resource) {
			return "a resource type"
		}
		return ""
	}
	why := ""
	w.refs(func(r *ref) bool {
		why = vis.ref(*r)
		return why == ""
	})
	return why
}

// ref checks a type that is referred to: records, variants, enums, flags and resources need names, others only what
// they are made of.
func (vis *visibility) ref(r ref) string {
	if r.t == nil || vis.named(r.t) {
		return ""
	}
	switch r.t.val.kind {
	case binary.DefRecord, binary.DefVariant, binary.DefEnum, binary.DefFlags:
		return "a type (" + r.describe() + ")"
	}
	return vis.val(r.t.val)
}
