package surface

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// local is the name of a type inside its own instance type.
func local(t *wit.Type) string { return "$" + t.Name }

// signature is a function's type in the text format; named returns the name of a type there.
func signature(f *wit.Func, named func(*wit.Type) string) string {
	var b strings.Builder
	if f.Async {
		b.WriteString(" async")
	}
	for _, p := range f.Params {
		fmt.Fprintf(&b, " (param %q %s)", p.Name, use(p.Type, named))
	}
	if f.Result != nil {
		fmt.Fprintf(&b, " (result %s)", use(f.Result, named))
	}
	return b.String()
}

// use is a reference to a type.
func use(t *wit.Type, named func(*wit.Type) string) string {
	switch {
	case t.Kind == wit.Own || t.Kind == wit.Borrow:
		return definition(t, named)
	case t.Name == "":
		return definition(t, named)
	case t.Resolve().Kind == wit.Resource:
		return "(own " + named(t) + ")"
	}
	return named(t)
}

// listed says whether a result's payload is a stream, which the text format takes by a name only.
func listed(t *wit.Type) bool {
	return t != nil && t.Kind == wit.Result && t.OK != nil && t.OK.Kind == wit.Stream
}

// definition is the definition of a type without its name.
func definition(t *wit.Type, named func(*wit.Type) string) string {
	var b strings.Builder
	switch t.Kind {
	case wit.Alias:
		return use(t.Elem, named)
	case wit.Own, wit.Borrow:
		return fmt.Sprintf("(%s %s)", t.Kind, named(t.Elem))
	case wit.Record:
		for _, f := range t.Fields {
			fmt.Fprintf(&b, " (field %q %s)", f.Name, use(f.Type, named))
		}
	case wit.Variant:
		for _, c := range t.Cases {
			fmt.Fprintf(&b, " (case %q", c.Name)
			if c.Type != nil {
				b.WriteString(" " + use(c.Type, named))
			}
			b.WriteString(")")
		}
	case wit.Enum, wit.Flags:
		for _, c := range t.Cases {
			fmt.Fprintf(&b, " %q", c.Name)
		}
	case wit.Tuple:
		for _, f := range t.Fields {
			b.WriteString(" " + use(f.Type, named))
		}
	case wit.Stream, wit.Future:
		if t.Elem != nil {
			b.WriteString(" " + use(t.Elem, named))
		}
	case wit.List, wit.Option:
		b.WriteString(" " + use(t.Elem, named))
	case wit.Result:
		if listed(t) {
			b.WriteString(" " + named(&wit.Type{Name: Values("stream", t.OK)}))
		} else if t.OK != nil {
			b.WriteString(" " + use(t.OK, named))
		}
		if t.Err != nil {
			b.WriteString(" (error " + use(t.Err, named) + ")")
		}
	default:
		return t.Kind.String()
	}
	return "(" + t.Kind.String() + b.String() + ")"
}
