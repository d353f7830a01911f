package cli

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// shown is how many cases, fields or labels of an unnamed type are spelled before the rest is left out.
const shown = 4

// signature spells a function's type for people: as WIT does, but resources go by their own name, and long unnamed types
// are cut. The component's binary need not name a type, and then all that is left of error-code is its forty cases.
func signature(t *cm.FuncType) string {
	w := &speller{left: maxSpelled}
	var b strings.Builder
	if t.Async {
		b.WriteString("async ")
	}
	b.WriteString("func(")
	for i, p := range t.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		if w.left < 0 {
			b.WriteString("…")
			break
		}
		b.WriteString(p.Name + ": " + w.typeText(p.Type))
	}
	b.WriteString(")")
	if t.Result != nil {
		b.WriteString(" -> " + w.typeText(t.Result))
	}
	return b.String()
}

// speller spells types, as many as are left: a type that is small in the file can unfold to one that nobody can read.
type speller struct{ left int }

// maxSpelled is how many types a signature spells before the rest is left out.
const maxSpelled = 200

func (w *speller) typeText(t *cm.Type) string {
	if w.left--; w.left < 0 {
		return "…"
	}
	if t == nil {
		return "_"
	}
	if t.Name != "" {
		return t.Name
	}
	switch t.Kind {
	case cm.KindOwn:
		return t.Resource.Name
	case cm.KindBorrow:
		return "borrow<" + t.Resource.Name + ">"
	case cm.KindList, cm.KindOption:
		return t.Kind.String() + "<" + w.typeText(t.Elem) + ">"
	case cm.KindStream, cm.KindFuture:
		if t.Elem == nil {
			return t.Kind.String()
		}
		return t.Kind.String() + "<" + w.typeText(t.Elem) + ">"
	case cm.KindMap:
		return "map<" + w.typeText(t.Key) + ", " + w.typeText(t.Elem) + ">"
	case cm.KindResult:
		switch {
		case t.OK == nil && t.Err == nil:
			return "result"
		case t.Err == nil:
			return "result<" + w.typeText(t.OK) + ">"
		}
		return "result<" + w.typeText(t.OK) + ", " + w.typeText(t.Err) + ">"
	case cm.KindTuple:
		var parts []string
		for _, f := range t.Fields {
			if parts = append(parts, w.typeText(f.Type)); w.left < 0 {
				break
			}
		}
		return "tuple<" + strings.Join(parts, ", ") + ">"
	case cm.KindRecord:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name
		}
		return body(t.Kind, parts)
	case cm.KindVariant:
		parts := make([]string, len(t.Cases))
		for i, c := range t.Cases {
			parts[i] = c.Name
		}
		return body(t.Kind, parts)
	case cm.KindEnum, cm.KindFlags:
		return body(t.Kind, t.Labels)
	}
	return t.Kind.String()
}

func body(k cm.Kind, parts []string) string {
	if len(parts) > shown {
		parts = append(parts[:shown:shown], "…")
	}
	return k.String() + " { " + strings.Join(parts, ", ") + " }"
}
