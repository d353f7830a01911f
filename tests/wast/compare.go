package wast

import (
	"fmt"
	"math"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// diff says where two values of type t differ; "" if they are equal. All NaNs are equal, as the canonical ABI may return any
// (CanonicalABI.md §Loading, canonicalize_nan).
func diff(t *cm.Type, want, had cm.Val) string {
	switch t.Kind {
	case cm.KindF32:
		if w, h := want.F32(), had.F32(); math.IsNaN(float64(w)) && math.IsNaN(float64(h)) {
			return ""
		}
	case cm.KindF64:
		if math.IsNaN(want.F64()) && math.IsNaN(had.F64()) {
			return ""
		}
	case cm.KindString:
		if want.Str() != had.Str() {
			return fmt.Sprintf("wanted %.200q, had %.200q", want.Str(), had.Str())
		}
		return ""
	case cm.KindList, cm.KindMap, cm.KindTuple, cm.KindRecord:
		return diffParts(t, want.List(), had.List())
	case cm.KindFlags:
		if len(t.Labels) > 64 {
			return diffParts(cm.ListOf(cm.TypeU32), want.List(), had.List())
		}
	case cm.KindVariant, cm.KindOption, cm.KindResult:
		return diffCase(t, want, had)
	}
	if want.Bits() != had.Bits() {
		return fmt.Sprintf("wanted %s, had %s", show(t, want), show(t, had))
	}
	return ""
}

func diffParts(t *cm.Type, want, had []cm.Val) string {
	if len(want) != len(had) {
		return fmt.Sprintf("wanted %d elements, had %d", len(want), len(had))
	}
	for i := range want {
		var part *cm.Type
		switch t.Kind {
		case cm.KindList:
			part = t.Elem
		case cm.KindMap:
			part = cm.TupleOf(t.Key, t.Elem)
		default:
			part = t.Fields[i].Type
		}
		if d := diff(part, want[i], had[i]); d != "" {
			return fmt.Sprintf("element %d: %s", i, d)
		}
	}
	return ""
}

// payloadType is the type of the payload of case i; nil if it has none.
func payloadType(t *cm.Type, i uint32) *cm.Type {
	switch {
	case t.Kind == cm.KindVariant:
		return t.Cases[i].Type
	case t.Kind == cm.KindOption && i == 1:
		return t.Elem
	case t.Kind == cm.KindResult && i == 0:
		return t.OK
	case t.Kind == cm.KindResult:
		return t.Err
	}
	return nil
}

func diffCase(t *cm.Type, want, had cm.Val) string {
	if want.Case() != had.Case() {
		return fmt.Sprintf("wanted %s, had %s", show(t, want), show(t, had))
	}
	if p := payloadType(t, want.Case()); p != nil {
		w, _ := want.Payload()
		h, _ := had.Payload()
		if d := diff(p, w, h); d != "" {
			return "payload: " + d
		}
	}
	return ""
}

// show prints a value for a message.
func show(t *cm.Type, v cm.Val) string {
	switch t.Kind {
	case cm.KindS8, cm.KindS16, cm.KindS32, cm.KindS64:
		return fmt.Sprint(int64(v.Bits()))
	case cm.KindF32:
		return fmt.Sprintf("%g (%#x)", v.F32(), v.Bits())
	case cm.KindF64:
		return fmt.Sprintf("%g (%#x)", v.F64(), v.Bits())
	case cm.KindChar:
		return fmt.Sprintf("%q", v.Char())
	case cm.KindString:
		return fmt.Sprintf("%.200q", v.Str())
	case cm.KindEnum:
		return t.Labels[v.Case()]
	case cm.KindVariant, cm.KindOption, cm.KindResult:
		name := fmt.Sprintf("case %d", v.Case())
		if t.Kind == cm.KindVariant {
			name = t.Cases[v.Case()].Name
		}
		if p, ok := v.Payload(); ok {
			name += "(" + show(payloadType(t, v.Case()), p) + ")"
		}
		return name
	case cm.KindList:
		var parts []string
		for i, e := range v.List() {
			if i == 20 {
				parts = append(parts, "…")
				break
			}
			parts = append(parts, show(t.Elem, e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case cm.KindRecord, cm.KindTuple:
		var parts []string
		for i, e := range v.List() {
			parts = append(parts, show(t.Fields[i].Type, e))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case cm.KindOwn, cm.KindBorrow:
		return t.String()
	}
	return fmt.Sprint(v.Bits())
}
