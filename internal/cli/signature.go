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
	var b strings.Builder
	if t.Async {
		b.WriteString("async ")
	}
	b.WriteString("func(")
	for i, p := range t.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + ": " + typeText(p.Type))
	}
	b.WriteString(")")
	if t.Result != nil {
		b.WriteString(" -> " + typeText(t.Result))
	}
	return b.String()
}

func typeText(t *cm.Type) string {
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
		return t.Kind.String() + "<" + typeText(t.Elem) + ">"
	case cm.KindStream, cm.KindFuture:
		if t.Elem == nil {
			return t.Kind.String()
		}
		return t.Kind.String() + "<" + typeText(t.Elem) + ">"
	case cm.KindMap:
		return "map<" + typeText(t.Key) + ", " + typeText(t.Elem) + ">"
	case cm.KindResult:
		switch {
		case t.OK == nil && t.Err == nil:
			return "result"
		case t.Err == nil:
			return "result<" + typeText(t.OK) + ">"
		}
		return "result<" + typeText(t.OK) + ", " + typeText(t.Err) + ">"
	case cm.KindTuple:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = typeText(f.Type)
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
