package validate

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// subtype says why have is no subtype of want, or nil (Explainer.md §Type Checking).
func (v *validator) subtype(have, want entity) error {
	if !v.spend(1) {
		return errTooComplex
	}
	if have.sort != want.sort {
		return fmt.Errorf("expected %s, found %s", want.sort, have.sort)
	}
	switch want.sort {
	case binary.SortCoreModule:
		return moduleSubtype(have.mod, want.mod)
	case binary.SortFunc:
		return v.sameFunc(have.t, want.t)
	case binary.SortType:
		return v.sameType(have.t, want.t)
	case binary.SortInstance:
		return v.instanceSubtype(have.t, want.t)
	case binary.SortComponent:
		return v.componentSubtype(have.t, want.t)
	}
	return fmt.Errorf("a %s has no type", want.sort)
}

// memo keeps pairs of types that were found to match; have and want are ordered.
type memo map[[2]*typ]bool

func (v *validator) known(have, want *typ) bool {
	return have == want || v.matched[[2]*typ{have, want}]
}

func (v *validator) remember(have, want *typ, err error) error {
	if err == nil {
		if v.matched == nil {
			v.matched = memo{}
		}
		v.matched[[2]*typ{have, want}] = true
	}
	return err
}

// sameType compares two types that are to be equal.
func (v *validator) sameType(have, want *typ) error {
	if have.kind != want.kind {
		return fmt.Errorf("expected %s, found %s", want.kind, have.kind)
	}
	if v.known(have, want) {
		return nil
	}
	switch want.kind {
	case kindResource:
		if have.res != want.res {
			return fmt.Errorf("resource types are not the same")
		}
		return nil
	case kindVal:
		return v.sameVal(ref{t: have}, ref{t: want})
	case kindFunc:
		return v.sameFunc(have, want)
	}
	both := v.instanceSubtype
	if want.kind == kindComponent {
		both = v.componentSubtype
	}
	if err := both(have, want); err != nil {
		return err
	}
	return both(want, have)
}

func (v *validator) sameFunc(have, want *typ) error {
	if v.known(have, want) {
		return nil
	}
	h, w := have.fn, want.fn
	if h.async != w.async {
		return fmt.Errorf("expected %s func, found %s func", asyncWord(w.async), asyncWord(h.async))
	}
	if len(h.params) != len(w.params) {
		return fmt.Errorf("expected %d parameters, found %d", len(w.params), len(h.params))
	}
	for i, p := range w.params {
		if h.params[i].name != p.name {
			return fmt.Errorf("expected parameter named `%s`, found `%s`", p.name, h.params[i].name)
		}
		if err := v.sameVal(h.params[i].ref, p.ref); err != nil {
			return fmt.Errorf("type mismatch in function parameter `%s`: %w", p.name, err)
		}
	}
	switch {
	case h.result.present() && !w.result.present():
		return fmt.Errorf("expected no result, found %s", h.result.describe())
	case !h.result.present() && w.result.present():
		return fmt.Errorf("expected a result, found none")
	}
	if err := v.sameVal(h.result, w.result); err != nil {
		return fmt.Errorf("type mismatch with result type: %w", err)
	}
	return v.remember(have, want, nil)
}

func asyncWord(async bool) string {
	if async {
		return "async"
	}
	return "sync"
}

// sameVal compares two value types, which have no subtyping among them.
func (v *validator) sameVal(have, want ref) error {
	if !v.spend(1) {
		return errTooComplex
	}
	hp, wp := have.primitive(), want.primitive()
	switch {
	case !have.present() && !want.present():
		return nil
	case hp != 0 && wp != 0:
		if hp != wp {
			return fmt.Errorf("expected primitive `%s` found primitive `%s`", primNames[wp], primNames[hp])
		}
		return nil
	case hp != 0 || wp != 0 || have.t == nil || want.t == nil || have.t.val.kind != want.t.val.kind:
		return fmt.Errorf("expected %s, found %s", want.describe(), have.describe())
	case v.known(have.t, want.t):
		return nil
	}
	return v.remember(have.t, want.t, v.sameDef(have.t.val, want.t.val))
}

func (v *validator) sameDef(h, w *val) error {
	switch w.kind {
	case binary.DefRecord, binary.DefVariant, binary.DefTuple:
		return v.sameFields(h, w)
	case binary.DefFlags, binary.DefEnum:
		if len(h.labels) == len(w.labels) {
			same := true
			for i := range w.labels {
				same = same && h.labels[i] == w.labels[i]
			}
			if same {
				return nil
			}
		}
		return fmt.Errorf("mismatch in %s elements", valNames[w.kind])
	case binary.DefOwn, binary.DefBorrow:
		return v.sameType(h.resource, w.resource)
	case binary.DefResult:
		if err := v.sameArm("ok", h.ok, w.ok); err != nil {
			return err
		}
		return v.sameArm("err", h.err, w.err)
	case binary.DefMap:
		if err := v.sameVal(h.key, w.key); err != nil {
			return fmt.Errorf("type mismatch in map key: %w", err)
		}
	case binary.DefList:
		if h.hasLen != w.hasLen || h.length != w.length {
			return fmt.Errorf("mismatch in the length of fixed-length lists")
		}
	}
	if err := v.sameVal(h.elem, w.elem); err != nil {
		return fmt.Errorf("type mismatch in %s element: %w", valNames[w.kind], err)
	}
	return nil
}

func (v *validator) sameArm(arm string, h, w ref) error {
	switch {
	case h.present() && !w.present():
		return fmt.Errorf("expected %s type to not be present", arm)
	case !h.present() && w.present():
		return fmt.Errorf("expected %s type, but found none", arm)
	}
	if err := v.sameVal(h, w); err != nil {
		return fmt.Errorf("type mismatch in %s variant: %w", arm, err)
	}
	return nil
}

func (v *validator) sameFields(h, w *val) error {
	of, one := "fields", "record field"
	switch w.kind {
	case binary.DefVariant:
		of, one = "cases", "variant case"
	case binary.DefTuple:
		of, one = "types", "tuple field"
	}
	if len(h.fields) != len(w.fields) {
		return fmt.Errorf("expected %d %s, found %d", len(w.fields), of, len(h.fields))
	}
	for i, f := range w.fields {
		g := h.fields[i]
		label := "`" + f.name + "`"
		if w.kind == binary.DefTuple {
			label = fmt.Sprint(i)
		}
		switch {
		case g.name != f.name && w.kind == binary.DefVariant:
			return fmt.Errorf("expected case named `%s`, found `%s`", f.name, g.name)
		case g.name != f.name:
			return fmt.Errorf("expected field name `%s`, found `%s`", f.name, g.name)
		case f.ref.present() && !g.ref.present():
			return fmt.Errorf("expected case `%s` to have a type, found none", f.name)
		case !f.ref.present() && g.ref.present():
			return fmt.Errorf("expected case `%s` to have no type", f.name)
		}
		if err := v.sameVal(g.ref, f.ref); err != nil {
			return fmt.Errorf("type mismatch in %s %s: %w", one, label, err)
		}
	}
	return nil
}

// instanceSubtype checks export by export; have may export more. Resources that want defines stand for have's.
func (v *validator) instanceSubtype(have, want *typ) error {
	if v.known(have, want) {
		return nil
	}
	w := entity{sort: binary.SortInstance, t: want}
	if len(want.inst.defined) > 0 {
		v.spend(len(want.inst.defined))
		s := v.subst()
		v.bindResources(w, entity{sort: binary.SortInstance, t: have}, set(want.inst.defined), s)
		w = s.entity(w)
	}
	for _, it := range w.t.inst.exports.list {
		h, ok := have.inst.exports.get(it.name)
		if !ok {
			return fmt.Errorf("missing expected export `%s`", it.name)
		}
		if err := v.subtype(h, it.e); err != nil {
			return fmt.Errorf("type mismatch in instance export `%s`: %w", it.name, err)
		}
	}
	return v.remember(have, want, nil)
}

// componentSubtype checks that have can be instantiated with the imports of want, and then exports what want does.
func (v *validator) componentSubtype(have, want *typ) error {
	if v.known(have, want) {
		return nil
	}
	v.spend(len(have.comp.vars) + len(want.comp.defined))
	in, vars := v.subst(), set(have.comp.vars)
	for _, it := range have.comp.imports.list {
		w, ok := want.comp.imports.get(it.name)
		if !ok {
			return fmt.Errorf("missing expected import `%s`", it.name)
		}
		v.bindResources(it.e, w, vars, in)
		if err := v.subtype(w, in.entity(it.e)); err != nil {
			return fmt.Errorf("type mismatch in component import `%s`: %w", it.name, err)
		}
	}
	out, vars := v.subst(), set(want.comp.defined)
	for _, it := range want.comp.exports.list {
		h, ok := have.comp.exports.get(it.name)
		if !ok {
			return fmt.Errorf("missing expected export `%s`", it.name)
		}
		h = in.entity(h)
		v.bindResources(it.e, h, vars, out)
		if err := v.subtype(h, out.entity(it.e)); err != nil {
			return fmt.Errorf("type mismatch in component export `%s`: %w", it.name, err)
		}
	}
	return v.remember(have, want, nil)
}
