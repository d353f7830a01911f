package cli

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// maxMembers is how many cases, fields or labels of an unnamed type are printed before the rest is left out.
const maxMembers = 4

// signature formats a function's type as WIT does, but prints own<T> as T and cuts long unnamed types: a component's binary
// need not name its types, and wasi:http's error-code, for one, has forty cases.
func signature(t *cm.FuncType) string {
	w := &typeFormatter{remaining: maxTypes}
	var b strings.Builder
	if t.Async {
		b.WriteString("async ")
	}
	b.WriteString("func(")
	for i, p := range t.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		if w.remaining < 0 {
			b.WriteString("…")
			break
		}
		b.WriteString(p.Name + ": " + w.format(p.Type))
	}
	b.WriteString(")")
	if t.Result != nil {
		b.WriteString(" -> " + w.format(t.Result))
	}
	return b.String()
}

// typeFormatter formats a bounded number of types: a type that is small in the file can expand to a huge one.
type typeFormatter struct{ remaining int }

// maxTypes is how many types a signature prints before the rest is left out.
const maxTypes = 200

func (w *typeFormatter) format(t *cm.Type) string {
	if w.remaining--; w.remaining < 0 {
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
		return t.Kind.String() + "<" + w.format(t.Elem) + ">"
	case cm.KindStream, cm.KindFuture:
		if t.Elem == nil {
			return t.Kind.String()
		}
		return t.Kind.String() + "<" + w.format(t.Elem) + ">"
	case cm.KindMap:
		return "map<" + w.format(t.Key) + ", " + w.format(t.Elem) + ">"
	case cm.KindResult:
		switch {
		case t.OK == nil && t.Err == nil:
			return "result"
		case t.Err == nil:
			return "result<" + w.format(t.OK) + ">"
		}
		return "result<" + w.format(t.OK) + ", " + w.format(t.Err) + ">"
	case cm.KindTuple:
		var parts []string
		for _, f := range t.Fields {
			if parts = append(parts, w.format(f.Type)); w.remaining < 0 {
				break
			}
		}
		return "tuple<" + strings.Join(parts, ", ") + ">"
	case cm.KindRecord:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name
		}
		return braced(t.Kind, parts)
	case cm.KindVariant:
		parts := make([]string, len(t.Cases))
		for i, c := range t.Cases {
			parts[i] = c.Name
		}
		return braced(t.Kind, parts)
	case cm.KindEnum, cm.KindFlags:
		return braced(t.Kind, t.Labels)
	}
	return t.Kind.String()
}

func braced(k cm.Kind, parts []string) string {
	if len(parts) > maxMembers {
		parts = append(parts[:maxMembers:maxMembers], "…")
	}
	return k.String() + " { " + strings.Join(parts, ", ") + " }"
}
