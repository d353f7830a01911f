package cm

import "fmt"

// Equal says whether two value types are the same structurally: the names of fields, cases and labels count, the name
// that a type was given does not, and resource types are compared by pointer. Nil equals nil.
func Equal(a, b *Type) bool { return DiffType(a, b, nil) == "" }

// EqualFunc says whether two function types are the same; parameter names count.
func EqualFunc(a, b *FuncType) bool { return DiffFunc(a, b, nil) == "" }

// EqualFuncWith is EqualFunc with resource types compared by same, for types that belong to different components.
func EqualFuncWith(a, b *FuncType, same func(x, y *ResourceType) bool) bool {
	return DiffFunc(a, b, same) == ""
}

// DiffFunc says where had first differs from want ("parameter a: field size: want u32, had u64"), or "" where they are
// equal. same compares resource types, want's first; nil compares pointers.
func DiffFunc(want, had *FuncType, same func(want, had *ResourceType) bool) string {
	switch {
	case want == had && (same == nil || want == nil):
		return ""
	case want == nil || had == nil:
		return "want " + want.String() + ", had " + had.String()
	case want.Async != had.Async:
		return fmt.Sprintf("want async %t, had async %t", want.Async, had.Async)
	case len(want.Params) != len(had.Params):
		return fmt.Sprintf("want %d parameters, had %d", len(want.Params), len(had.Params))
	}
	d := newDiffer(same)
	for i, p := range want.Params {
		if q := had.Params[i]; p.Name != q.Name {
			return fmt.Sprintf("parameter %d: want name %q, had %q", i+1, p.Name, q.Name)
		}
		if s := d.types(p.Type, had.Params[i].Type); s != "" {
			return "parameter " + p.Name + ": " + s
		}
	}
	if s := d.types(want.Result, had.Result); s != "" {
		return "result: " + s
	}
	return ""
}

// DiffType is [DiffFunc] for value types.
func DiffType(want, had *Type, same func(want, had *ResourceType) bool) string {
	if want == had && same == nil {
		return ""
	}
	return newDiffer(same).types(want, had)
}

// differ compares two graphs of types. Pairs found equal are remembered, because parts may be shared so often that
// walking each path would take for ever.
type differ struct {
	same func(want, had *ResourceType) bool
	seen map[[2]*Type]struct{}
}

func newDiffer(same func(want, had *ResourceType) bool) *differ {
	if same == nil {
		same = func(x, y *ResourceType) bool { return x == y }
	}
	return &differ{same: same}
}

func (d *differ) types(want, had *Type) string {
	if want == nil || had == nil {
		if want == had {
			return ""
		}
		return mismatch(want, had)
	}
	if want.Kind != had.Kind {
		return mismatch(want, had)
	}
	pair := [2]*Type{want, had}
	if _, ok := d.seen[pair]; ok {
		return ""
	}
	s := d.parts(want, had)
	if s == "" && want.Kind >= KindRecord {
		if d.seen == nil {
			d.seen = map[[2]*Type]struct{}{}
		}
		d.seen[pair] = struct{}{}
	}
	return s
}

func mismatch(want, had *Type) string {
	w, h := want.String(), had.String()
	if w == h {
		w, h = want.Body(), had.Body()
	}
	return "want " + w + ", had " + h
}

func (d *differ) parts(want, had *Type) string {
	switch want.Kind {
	case KindRecord, KindTuple:
		return d.fields(want, had)
	case KindVariant:
		return d.cases(want, had)
	case KindFlags, KindEnum:
		return labels(want, had)
	case KindList:
		if want.Len != had.Len {
			return mismatch(want, had)
		}
		return in("element", d.types(want.Elem, had.Elem))
	case KindOption, KindStream, KindFuture:
		return in(want.Kind.String(), d.types(want.Elem, had.Elem))
	case KindMap:
		if s := d.types(want.Key, had.Key); s != "" {
			return in("key", s)
		}
		return in("value", d.types(want.Elem, had.Elem))
	case KindResult:
		if s := d.types(want.OK, had.OK); s != "" {
			return in("ok", s)
		}
		return in("error", d.types(want.Err, had.Err))
	case KindOwn, KindBorrow:
		if !d.same(want.Resource, had.Resource) {
			if want.Resource.String() == had.Resource.String() {
				return "another resource type named " + want.Resource.String()
			}
			return mismatch(want, had)
		}
	}
	return ""
}

func in(where, s string) string {
	if s == "" {
		return ""
	}
	return where + ": " + s
}

func (d *differ) fields(want, had *Type) string {
	if len(want.Fields) != len(had.Fields) {
		return fmt.Sprintf("want %d fields, had %d", len(want.Fields), len(had.Fields))
	}
	for i, f := range want.Fields {
		g := had.Fields[i]
		if f.Name != g.Name {
			return fmt.Sprintf("field %d: want name %q, had %q", i+1, f.Name, g.Name)
		}
		if s := d.types(f.Type, g.Type); s != "" {
			if f.Name == "" {
				return fmt.Sprintf("field %d: %s", i+1, s)
			}
			return "field " + f.Name + ": " + s
		}
	}
	return ""
}

func (d *differ) cases(want, had *Type) string {
	if len(want.Cases) != len(had.Cases) {
		return fmt.Sprintf("want %d cases, had %d", len(want.Cases), len(had.Cases))
	}
	for i, c := range want.Cases {
		if e := had.Cases[i]; c.Name != e.Name {
			return fmt.Sprintf("case %d: want name %q, had %q", i+1, c.Name, e.Name)
		}
		if s := d.types(c.Type, had.Cases[i].Type); s != "" {
			return "case " + c.Name + ": " + s
		}
	}
	return ""
}

func labels(want, had *Type) string {
	if len(want.Labels) != len(had.Labels) {
		return fmt.Sprintf("want %d labels, had %d", len(want.Labels), len(had.Labels))
	}
	for i, l := range want.Labels {
		if l != had.Labels[i] {
			return fmt.Sprintf("label %d: want %q, had %q", i+1, l, had.Labels[i])
		}
	}
	return ""
}
