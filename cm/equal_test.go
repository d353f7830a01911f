package cm

import (
	"strings"
	"testing"
)

func TestTypeString(t *testing.T) {
	r := &ResourceType{Name: "stream"}
	for want, ty := range map[string]*Type{
		"u8":                         tk(KindU8),
		"error-context":              tk(KindErrorContext),
		"list<string>":               tlist(tk(KindString)),
		"list<u8, 4>":                {Kind: KindList, Elem: tk(KindU8), Len: 4},
		"tuple<u8, option<char>>":    ttuple(tk(KindU8), toption(tk(KindChar))),
		"result":                     tresult(nil, nil),
		"result<u8>":                 tresult(tk(KindU8), nil),
		"result<_, person>":          tresult(nil, personType),
		"map<string, f64>":           {Kind: KindMap, Key: tk(KindString), Elem: tk(KindF64)},
		"stream":                     {Kind: KindOwn, Resource: r},
		"borrow<stream>":             {Kind: KindBorrow, Resource: r},
		"future":                     tk(KindFuture),
		"stream<u8>":                 {Kind: KindStream, Elem: tk(KindU8)},
		"record { a: u8, b: u8 }":    ttupleRecord(),
		"variant { none, some(u8) }": {Kind: KindVariant, Cases: []Case{{"none", nil}, {"some", tk(KindU8)}}},
		"enum { a, b }":              {Kind: KindEnum, Labels: []string{"a", "b"}},
		"flags { a }":                {Kind: KindFlags, Labels: []string{"a"}},
		"person":                     personType,
		"_":                          nil,
		"kind(99)":                   tk(99),
	} {
		if got := ty.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f := &FuncType{Async: true, Params: []Field{{"a", tk(KindU32)}, {"b", tlist(tk(KindU8))}}, Result: tresult(tk(KindString), colorType)}
	if got, want := f.String(), "async func(a: u32, b: list<u8>) -> result<string, color>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&FuncType{}).String(); got != "func()" {
		t.Error(got)
	}
	if got := (*FuncType)(nil).String(); got != "func" {
		t.Error(got)
	}
}

// shared is a type with 2^n leaves in n nodes.
func shared(n int) *Type {
	t := tk(KindU8)
	for range n {
		t = ttuple(t, t)
	}
	return t
}

func TestHugeTypesEndSoon(t *testing.T) {
	a, b := shared(200), shared(200)
	if s := a.String(); len(s) > maxTypeText+10 || !strings.HasSuffix(s, "…") {
		t.Errorf("%d bytes", len(s))
	}
	if !Equal(a, b) {
		t.Error("not equal")
	}
	if Equal(a, shared(201)) {
		t.Error("equal")
	}
}

func TestEqual(t *testing.T) {
	named := func(name string, t *Type) *Type { c := *t; c.Name = name; return &c }
	r1, r2 := &ResourceType{Name: "r"}, &ResourceType{Name: "r"}
	own := func(r *ResourceType) *Type { return &Type{Kind: KindOwn, Resource: r} }
	for name, c := range map[string]struct {
		a, b *Type
		want string // the difference
	}{
		"nil":          {nil, nil, ""},
		"nil and type": {nil, tk(KindU8), "want _, had u8"},
		"scalars":      {tk(KindU8), tk(KindU8), ""},
		"other scalar": {tk(KindU8), tk(KindS8), "want u8, had s8"},
		"names":        {personType, named("human", personType), ""},
		"same name":    {named("x", ttupleRecord()), named("x", colorType), "want record { a: u8, b: u8 }, had enum { red, dark-blue }"},
		"field name": {&Type{Kind: KindRecord, Fields: []Field{{"a", tk(KindU8)}}}, &Type{Kind: KindRecord, Fields: []Field{{"b", tk(KindU8)}}},
			`field 1: want name "a", had "b"`},
		"field count": {ttuple(tk(KindU8)), ttuple(tk(KindU8), tk(KindU8)), "want 1 fields, had 2"},
		"tuple part":  {ttuple(tk(KindU8)), ttuple(tk(KindU16)), "field 1: want u8, had u16"},
		"case name": {&Type{Kind: KindVariant, Cases: []Case{{"a", nil}}}, &Type{Kind: KindVariant, Cases: []Case{{"b", nil}}},
			`case 1: want name "a", had "b"`},
		"case payload": {&Type{Kind: KindVariant, Cases: []Case{{"a", nil}}}, &Type{Kind: KindVariant, Cases: []Case{{"a", tk(KindU8)}}},
			"case a: want _, had u8"},
		"case count":  {shapeType, &Type{Kind: KindVariant, Cases: []Case{{"none", nil}}}, "want 2 cases, had 1"},
		"labels":      {colorType, &Type{Kind: KindEnum, Labels: []string{"red", "blue"}}, `label 2: want "dark-blue", had "blue"`},
		"label count": {colorType, &Type{Kind: KindEnum, Labels: []string{"red"}}, "want 2 labels, had 1"},
		"element":     {tlist(tlist(tk(KindU8))), tlist(tlist(tk(KindU16))), "element: element: want u8, had u16"},
		"length":      {tlist(tk(KindU8)), &Type{Kind: KindList, Elem: tk(KindU8), Len: 1}, "want list<u8>, had list<u8, 1>"},
		"option":      {toption(tk(KindU8)), toption(tk(KindU16)), "option: want u8, had u16"},
		"result":      {tresult(tk(KindU8), nil), tresult(nil, tk(KindU8)), "ok: want u8, had _"},
		"error":       {tresult(nil, nil), tresult(nil, tk(KindU8)), "error: want _, had u8"},
		"map key": {&Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindU8)}, &Type{Kind: KindMap, Key: tk(KindS8), Elem: tk(KindU8)},
			"key: want u8, had s8"},
		"map value": {&Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindU8)}, &Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindS8)},
			"value: want u8, had s8"},
		"resource":        {own(r1), own(r1), ""},
		"other resource":  {own(r1), own(r2), "another resource type named r"},
		"own and borrow":  {own(r1), &Type{Kind: KindBorrow, Resource: r1}, "want r, had borrow<r>"},
		"stream and none": {tk(KindStream), &Type{Kind: KindStream, Elem: tk(KindU8)}, "stream: want _, had u8"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DiffType(c.a, c.b, nil); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if Equal(c.a, c.b) != (c.want == "") || Equal(c.b, c.a) != (c.want == "") {
				t.Error("Equal does not agree")
			}
		})
	}

	f := func(name string, p, result *Type) *FuncType {
		return &FuncType{Params: []Field{{name, p}}, Result: result}
	}
	any2 := func(_, _ *ResourceType) bool { return true }
	for name, c := range map[string]struct {
		a, b *FuncType
		want string
	}{
		"equal":     {f("a", tk(KindU8), nil), f("a", tk(KindU8), nil), ""},
		"parameter": {f("a", tk(KindU8), nil), f("a", tk(KindU16), nil), "parameter a: want u8, had u16"},
		"name":      {f("a", tk(KindU8), nil), f("b", tk(KindU8), nil), `parameter 1: want name "a", had "b"`},
		"count":     {f("a", tk(KindU8), nil), &FuncType{}, "want 1 parameters, had 0"},
		"result":    {f("a", tk(KindU8), nil), f("a", tk(KindU8), tk(KindU8)), "result: want _, had u8"},
		"async":     {&FuncType{Async: true}, &FuncType{}, "want async true, had async false"},
		"nil":       {&FuncType{}, nil, "want func(), had func"},
		"resources": {f("a", own(r1), nil), f("a", own(r2), nil), "parameter a: another resource type named r"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DiffFunc(c.a, c.b, nil); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if EqualFunc(c.a, c.b) != (c.want == "") {
				t.Error("EqualFunc does not agree")
			}
		})
	}
	if !EqualFuncWith(f("a", own(r1), nil), f("a", own(r2), nil), any2) {
		t.Error("a correspondence of resources is not used")
	}
	if EqualFuncWith(f("a", own(r1), nil), f("a", own(r1), nil), func(_, _ *ResourceType) bool { return false }) {
		t.Error("a correspondence of resources is not used for equal pointers")
	}
}

func TestHolds(t *testing.T) {
	for name, c := range map[string]struct {
		v     Val
		holds []Kind
	}{
		"nothing":  {Val{}, nil},
		"number":   {U8Val(1), []Kind{KindBool, KindS8, KindU8, KindS16, KindU16, KindS32, KindU32, KindS64, KindU64, KindF32, KindF64, KindChar, KindFlags}},
		"string":   {StringVal(""), []Kind{KindString}},
		"bytes":    {BytesVal(nil), []Kind{KindList}},
		"list":     {ListVal(nil), []Kind{KindRecord, KindList, KindTuple, KindFlags, KindMap}},
		"case":     {None(), []Kind{KindVariant, KindEnum, KindOption, KindResult}},
		"resource": {ResourceVal(&Resource{}), []Kind{KindOwn, KindBorrow}},
		"nil":      {ResourceVal(nil), nil},
		"any":      {AnyVal(1), []Kind{KindErrorContext, KindStream, KindFuture}},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[Kind]bool{}
			for _, k := range c.holds {
				want[k] = true
			}
			for k := KindBool; k <= KindFuture; k++ {
				if c.v.Holds(k) != want[k] {
					t.Errorf("%s: %t", k, !want[k])
				}
			}
		})
	}
}
