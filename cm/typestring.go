package cm

import (
	"strconv"
	"strings"
)

// maxTypeText bounds what String writes of a type, because a small hostile type can unfold to a huge text.
const maxTypeText = 2000

var kindNames = [...]string{
	KindBool: "bool", KindS8: "s8", KindU8: "u8", KindS16: "s16", KindU16: "u16", KindS32: "s32", KindU32: "u32",
	KindS64: "s64", KindU64: "u64", KindF32: "f32", KindF64: "f64", KindChar: "char", KindString: "string",
	KindErrorContext: "error-context", KindRecord: "record", KindVariant: "variant", KindList: "list",
	KindTuple: "tuple", KindFlags: "flags", KindEnum: "enum", KindOption: "option", KindResult: "result",
	KindMap: "map", KindOwn: "own", KindBorrow: "borrow", KindStream: "stream", KindFuture: "future",
}

// String is the kind's keyword in WIT.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// String is the type as WIT writes it: a named type by its name, an unnamed record, variant, enum or flags with its
// body. Very long types are cut with "…".
func (t *Type) String() string {
	w := typeWriter{}
	w.typ(t, true)
	return w.String()
}

// Body is String with the type's own body even if it has a name: "record { a: u32 }".
func (t *Type) Body() string {
	w := typeWriter{}
	w.typ(t, false)
	return w.String()
}

// String is the function type as WIT writes it: "func(a: u32) -> result<string, error>".
func (t *FuncType) String() string {
	if t == nil {
		return "func"
	}
	w := typeWriter{}
	if t.Async {
		w.str("async ")
	}
	w.str("func(")
	for i, p := range t.Params {
		w.sep(i)
		w.str(p.Name + ": ")
		w.typ(p.Type, true)
	}
	w.str(")")
	if t.Result != nil {
		w.str(" -> ")
		w.typ(t.Result, true)
	}
	return w.String()
}

type typeWriter struct {
	strings.Builder
	full bool
}

func (w *typeWriter) str(s string) {
	if w.full {
		return
	}
	if w.Len()+len(s) > maxTypeText {
		w.full = true
		s = "…"
	}
	w.WriteString(s)
}

func (w *typeWriter) sep(i int) {
	if i > 0 {
		w.str(", ")
	}
}

func (w *typeWriter) typ(t *Type, byName bool) {
	switch {
	case w.full:
		return
	case t == nil:
		w.str("_")
		return
	case byName && t.Name != "":
		w.str(t.Name)
		return
	}
	switch t.Kind {
	case KindRecord:
		w.fields(t)
	case KindVariant:
		w.cases(t)
	case KindFlags, KindEnum:
		w.str(t.Kind.String() + " { ")
		for i, l := range t.Labels {
			w.sep(i)
			w.str(l)
		}
		w.str(" }")
	case KindTuple:
		w.str("tuple<")
		for i, f := range t.Fields {
			w.sep(i)
			w.typ(f.Type, true)
		}
		w.str(">")
	case KindList:
		w.str("list<")
		w.typ(t.Elem, true)
		if t.Len > 0 {
			w.str(", " + strconv.FormatUint(uint64(t.Len), 10))
		}
		w.str(">")
	case KindOption:
		w.args("option", t.Elem)
	case KindMap:
		w.args("map", t.Key, t.Elem)
	case KindResult:
		w.result(t)
	case KindStream, KindFuture:
		if t.Elem == nil {
			w.str(t.Kind.String())
			return
		}
		w.args(t.Kind.String(), t.Elem)
	case KindOwn:
		w.str(t.Resource.String())
	case KindBorrow:
		w.str("borrow<" + t.Resource.String() + ">")
	default:
		w.str(t.Kind.String())
	}
}

func (w *typeWriter) args(name string, ts ...*Type) {
	w.str(name + "<")
	for i, t := range ts {
		w.sep(i)
		w.typ(t, true)
	}
	w.str(">")
}

func (w *typeWriter) result(t *Type) {
	switch {
	case t.OK == nil && t.Err == nil:
		w.str("result")
	case t.Err == nil:
		w.args("result", t.OK)
	default:
		w.args("result", t.OK, t.Err)
	}
}

func (w *typeWriter) fields(t *Type) {
	w.str("record { ")
	for i, f := range t.Fields {
		w.sep(i)
		w.str(f.Name + ": ")
		w.typ(f.Type, true)
	}
	w.str(" }")
}

func (w *typeWriter) cases(t *Type) {
	w.str("variant { ")
	for i, c := range t.Cases {
		w.sep(i)
		w.str(c.Name)
		if c.Type != nil {
			w.str("(")
			w.typ(c.Type, true)
			w.str(")")
		}
	}
	w.str(" }")
}
