package cm

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func tk(k Kind) *Type { return &Type{Kind: k} }

func tlist(t *Type) *Type   { return &Type{Kind: KindList, Elem: t} }
func toption(t *Type) *Type { return &Type{Kind: KindOption, Elem: t} }

func ttuple(ts ...*Type) *Type {
	t := tk(KindTuple)
	for _, x := range ts {
		t.Fields = append(t.Fields, Field{Type: x})
	}
	return t
}

func tresult(ok, fail *Type) *Type { return &Type{Kind: KindResult, OK: ok, Err: fail} }

var (
	personType = &Type{Kind: KindRecord, Name: "person", Fields: []Field{
		{"first-name", tk(KindString)}, {"age", tk(KindU8)}, {"nick", toption(tk(KindString))}}}
	colorType = &Type{Kind: KindEnum, Name: "color", Labels: []string{"red", "dark-blue"}}
	permType  = &Type{Kind: KindFlags, Name: "perm", Labels: []string{"read", "write", "exec"}}
	shapeType = &Type{Kind: KindVariant, Name: "shape", Cases: []Case{{"none", nil}, {"circle", tk(KindF64)}}}
)

type person struct {
	FirstName string
	Years     uint8 `wit:"age"`
	Nick      *string
	_         int
}

type color string

func ptr[T any](v T) *T { return &v }

func manyLabels(n int) *Type {
	t := tk(KindFlags)
	for i := range n {
		t.Labels = append(t.Labels, string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	return t
}

func TestGoRoundTrip(t *testing.T) {
	r := NewResource(&ResourceType{Name: "r"}, 1)
	for name, c := range map[string]struct {
		t    *Type
		in   any
		want any // what ToGo gives; nil: in itself
	}{
		"bool":                 {tk(KindBool), true, nil},
		"u8":                   {tk(KindU8), uint8(255), nil},
		"int for u8":           {tk(KindU8), 7, uint8(7)},
		"s8":                   {tk(KindS8), int8(-128), nil},
		"u16":                  {tk(KindU16), uint16(1), nil},
		"s16":                  {tk(KindS16), int16(-1), nil},
		"u32":                  {tk(KindU32), uint32(math.MaxUint32), nil},
		"s32":                  {tk(KindS32), int32(math.MinInt32), nil},
		"u64":                  {tk(KindU64), uint64(math.MaxUint64), nil},
		"s64":                  {tk(KindS64), int64(math.MinInt64), nil},
		"uint for s64":         {tk(KindS64), uint(5), int64(5)},
		"f32":                  {tk(KindF32), float32(1.5), nil},
		"f64 from f32":         {tk(KindF64), float32(1.5), 1.5},
		"char":                 {tk(KindChar), '☃', nil},
		"string":               {tk(KindString), "hö", nil},
		"named string":         {tk(KindString), color("x"), "x"},
		"bytes":                {tlist(tk(KindU8)), []byte("abc"), nil},
		"byte array":           {tlist(tk(KindU8)), [3]byte{1, 2, 3}, []byte{1, 2, 3}},
		"any bytes":            {tlist(tk(KindU8)), []any{1, 2}, []byte{1, 2}},
		"strings":              {tlist(tk(KindString)), []string{"a", "b"}, nil},
		"lists":                {tlist(tlist(tk(KindU32))), [][]uint32{{1}, {2, 3}}, nil},
		"list of options":      {tlist(toption(tk(KindU8))), []*uint8{ptr(uint8(1)), nil}, nil},
		"fixed list":           {&Type{Kind: KindList, Elem: tk(KindU16), Len: 2}, [2]uint16{1, 2}, []uint16{1, 2}},
		"struct":               {personType, person{FirstName: "A", Years: 3}, map[string]any{"first-name": "A", "age": uint8(3), "nick": (*string)(nil)}},
		"struct pointer":       {personType, &person{Nick: ptr("n")}, map[string]any{"first-name": "", "age": uint8(0), "nick": ptr("n")}},
		"record as map":        {personType, map[string]any{"first-name": "A", "age": 3}, map[string]any{"first-name": "A", "age": uint8(3), "nick": (*string)(nil)}},
		"tuple":                {ttuple(tk(KindU8), tk(KindString)), []any{1, "x"}, []any{uint8(1), "x"}},
		"tuple as struct":      {ttuple(tk(KindU8), tk(KindString)), Tuple2[uint8, string]{1, "x"}, []any{uint8(1), "x"}},
		"variant":              {shapeType, Variant{"circle", 2.5}, nil},
		"variant pointer":      {shapeType, &Variant{Case: "none"}, Variant{Case: "none"}},
		"variant as string":    {shapeType, "none", Variant{Case: "none"}},
		"enum":                 {colorType, "dark-blue", nil},
		"named enum":           {colorType, color("red"), "red"},
		"flags":                {permType, []string{"exec", "read"}, []string{"read", "exec"}},
		"no flags":             {permType, []string{}, nil},
		"40 flags":             {manyLabels(40), []string{"aa", "bn"}, nil},
		"70 flags":             {manyLabels(70), []string{"aa", "bn", "cr"}, nil},
		"some":                 {toption(tk(KindString)), ptr("s"), nil},
		"some, no pointer":     {toption(tk(KindString)), "s", ptr("s")},
		"none":                 {toption(tk(KindString)), nil, (*string)(nil)},
		"typed none":           {toption(tk(KindString)), (*string)(nil), nil},
		"some none":            {toption(toption(tk(KindU8))), ptr((*uint8)(nil)), nil},
		"optional resource":    {toption(tk(KindOwn)), r, &r},
		"map":                  {&Type{Kind: KindMap, Key: tk(KindString), Elem: tk(KindU8)}, map[string]uint8{"b": 2, "a": 1}, nil},
		"map as pairs":         {&Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindU8)}, [][2]int{{1, 2}}, map[uint8]uint8{1: 2}},
		"own":                  {tk(KindOwn), r, nil},
		"result in a list":     {tlist(tresult(tk(KindU8), nil)), []any{1, Fail(struct{}{}), Variant{"ok", 2}, ErrResult[uint8](struct{}{})}, []Variant{{"ok", uint8(1)}, {Case: "error"}, {"ok", uint8(2)}, {Case: "error"}}},
		"ok result":            {tresult(tk(KindU8), tk(KindString)), 5, uint8(5)},
		"ok without payload":   {tresult(nil, tk(KindString)), nil, nil},
		"a Val":                {tk(KindU8), U8Val(9), uint8(9)},
		"interfaces in a list": {tlist(tk(KindU8)), []any{any(1)}, []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := FromGo(c.t, c.in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ToGo(c.t, v)
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == nil {
				want = c.in
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %#v, want %#v", got, want)
			}
			if c.t.Kind != KindResult && reflect.TypeOf(got) != GoType(c.t) {
				t.Fatalf("got a %T, GoType says %s", got, GoType(c.t))
			}
		})
	}
}

func TestFromGoRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		t    *Type
		in   any
		want string
	}{
		"int for string":     {tk(KindString), 1, "want string, got int"},
		"string for u8":      {tk(KindU8), "1", "want u8, got string"},
		"too large":          {tk(KindU8), 256, "want u8, got 256, which does not fit"},
		"negative":           {tk(KindU64), -1, "want u64, got -1, which does not fit"},
		"too small":          {tk(KindS8), -129, "does not fit"},
		"u64 for s64":        {tk(KindS64), uint64(math.MaxUint64), "does not fit"},
		"surrogate":          {tk(KindChar), rune(0xd800), "does not fit"},
		"not a rune":         {tk(KindChar), int64(1)<<32 | 'a', "does not fit"},
		"float for int":      {tk(KindU8), 1.0, "want u8, got float64"},
		"int for float":      {tk(KindF64), 1, "want f64, got int"},
		"invalid utf8":       {tk(KindString), "\xff", "want string, got invalid UTF-8"},
		"nil":                {tk(KindString), nil, "want string, got nil"},
		"nil pointer":        {personType, (*person)(nil), "want person, got nil *cm.person"},
		"field":              {personType, map[string]any{"first-name": 1, "age": 1}, "field first-name: want string, got int"},
		"field missing":      {personType, map[string]any{"age": 1}, "field first-name: missing in map[string]interface {}"},
		"field unknown":      {personType, map[string]any{"firstName": "x"}, "field firstName: unknown in person"},
		"field in struct":    {personType, struct{ FirstName string }{}, "field age: missing in struct"},
		"element":            {tlist(tk(KindU8)), []int{1, 300}, "element 1: want u8, got 300"},
		"deep":               {tlist(personType), []any{map[string]any{"first-name": "x", "age": "y"}}, "element 0: field age: want u8, got string"},
		"fixed length":       {&Type{Kind: KindList, Elem: tk(KindU8), Len: 2}, []byte{1}, "want list<u8, 2>, got 1 elements"},
		"tuple length":       {ttuple(tk(KindU8)), []any{1, 2}, "want tuple<u8>, got 2 parts"},
		"case":               {shapeType, Variant{Case: "square"}, `want shape, got case "square"`},
		"case payload":       {shapeType, Variant{"circle", "x"}, "case circle: want f64, got string"},
		"payload missing":    {shapeType, "circle", "case circle: want f64, got nil"},
		"payload not wanted": {shapeType, Variant{"none", 1}, "case none: want no value, got int"},
		"enum":               {colorType, "green", `want color, got "green"`},
		"flag":               {permType, []string{"fly"}, `want perm, got "fly"`},
		"resource":           {tk(KindOwn), 1, "want resource, got int"},
		"nil resource":       {tk(KindOwn), (*Resource)(nil), "want resource, got *cm.Resource"},
		"plain error":        {tresult(nil, tk(KindString)), errors.New("x"), "carries no WIT error"},
		"a Val of another":   {tk(KindString), U8Val(1), "want string, got a cm.Val of another form"},
		"key":                {&Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindU8)}, map[string]int{"a": 1}, "key a: want u8, got string"},
		"map value":          {&Type{Kind: KindMap, Key: tk(KindString), Elem: tk(KindU8)}, map[string]int{"a": -1}, "value of key a: want u8, got -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := FromGo(c.t, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
	_, err := ArgsFromGo(&FuncType{Params: []Field{{"a", tk(KindU8)}, {"b", personType}}}, []any{1, map[string]any{"first-name": 2, "age": 1}})
	if err == nil || err.Error() != "argument 2 (b): field first-name: want string, got int" {
		t.Errorf("got %v", err)
	}
	_, err = ArgsFromGo(&FuncType{}, []any{1})
	if err == nil || err.Error() != "want 0 arguments, got 1" {
		t.Errorf("got %v", err)
	}
}

func TestToGoErrorArm(t *testing.T) {
	_, err := ToGo(tresult(nil, colorType), ErrVal(EnumVal(1)))
	var re *ResultError[any]
	if !errors.As(err, &re) || re.Value != "dark-blue" {
		t.Fatalf("got %v", err)
	}
	if v, err := ToGo(nil, Val{}); v != nil || err != nil {
		t.Fatal(v, err)
	}
}

func TestToGoAs(t *testing.T) {
	p, err := FromGo(personType, map[string]any{"first-name": "A", "age": 3, "nick": "n"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		t    *Type
		v    Val
		want any
	}{
		"struct":            {personType, p, person{FirstName: "A", Years: 3, Nick: ptr("n")}},
		"struct pointer":    {personType, p, &person{FirstName: "A", Years: 3, Nick: ptr("n")}},
		"record as map":     {ttupleRecord(), ListVal([]Val{U8Val(1), U8Val(2)}), map[string]int{"a": 1, "b": 2}},
		"int":               {tk(KindU8), U8Val(3), 3},
		"named":             {colorType, EnumVal(0), color("red")},
		"array":             {tlist(tk(KindU8)), BytesVal([]byte{1, 2}), [2]byte{1, 2}},
		"wider elements":    {tlist(tk(KindU8)), BytesVal([]byte{1, 2}), []int{1, 2}},
		"tuple as struct":   {ttuple(tk(KindU8), tk(KindString)), ListVal([]Val{U8Val(1), StringVal("x")}), Tuple2[uint8, string]{1, "x"}},
		"result":            {tresult(tk(KindU8), colorType), ErrVal(EnumVal(1)), ErrResult[uint8](color("dark-blue"))},
		"result ok":         {tresult(tk(KindU8), nil), OKVal(U8Val(4)), OKResult[uint8, struct{}](4)},
		"map as pairs":      {&Type{Kind: KindMap, Key: tk(KindU8), Elem: tk(KindU8)}, ListVal([]Val{ListVal([]Val{U8Val(1), U8Val(2)})}), [][2]uint8{{1, 2}}},
		"pointer to scalar": {tk(KindU8), U8Val(1), ptr(uint8(1))},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ToGoAs(c.t, c.v, reflect.TypeOf(c.want))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Interface(), c.want) {
				t.Fatalf("got %#v, want %#v", got, c.want)
			}
			if err := CheckGo(c.t, reflect.TypeOf(c.want)); err != nil {
				t.Errorf("CheckGo: %v", err)
			}
		})
	}
	for name, c := range map[string]struct {
		t      *Type
		v      Val
		target any
		want   string
	}{
		"overflow":        {tk(KindU32), U32Val(300), uint8(0), "300 does not fit into uint8"},
		"negative":        {tk(KindS8), S8Val(-1), uint64(0), "-1 does not fit into uint64"},
		"large":           {tk(KindU64), U64Val(math.MaxUint64), int64(0), "18446744073709551615 does not fit into int64"},
		"kind":            {tk(KindString), StringVal("x"), 0, "string does not go into int"},
		"option":          {toption(tk(KindString)), None(), "", "option<string> does not go into string"},
		"array length":    {tlist(tk(KindU8)), ListVal([]Val{U8Val(1)}), [2]byte{}, "1 elements do not go into [2]uint8"},
		"field":           {personType, p, struct{ FirstName, Age string }{}, "field age: u8 does not go into string"},
		"field missing":   {personType, p, struct{ FirstName string }{}, "field age: missing in struct"},
		"option missing":  {personType, p, struct{ FirstName, Age any }{}, "field nick: missing"},
		"another form":    {tk(KindString), U8Val(1), "", "value is no string"},
		"fields":          {personType, ListVal(nil), person{}, "value is no person"},
		"enum range":      {colorType, EnumVal(7), "", "value is no color"},
		"case range":      {shapeType, CaseVal(7, nil), Variant{}, "value is no shape"},
		"payload missing": {shapeType, CaseVal(1, nil), Variant{}, "value is no shape"},
		"flag words":      {manyLabels(70), ListVal(nil), []string(nil), "value is no flags"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ToGoAs(c.t, c.v, reflect.TypeOf(c.target)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func ttupleRecord() *Type {
	return &Type{Kind: KindRecord, Fields: []Field{{"a", tk(KindU8)}, {"b", tk(KindU8)}}}
}

func TestGoHostFunc(t *testing.T) {
	greet := &FuncType{Params: []Field{{"who", personType}, {"n", tk(KindU32)}}, Result: tresult(tk(KindString), colorType)}
	f, err := GoHostFunc(greet, func(_ context.Context, p person, n int) (string, error) {
		switch n {
		case 0:
			return "", Fail("red")
		case 1:
			return "", context.Canceled
		}
		return p.FirstName, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	args := func(n uint32) []Val {
		out, err := ArgsFromGo(greet, []any{person{FirstName: "A"}, n})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if v, err := f(t.Context(), args(2)); err != nil || v.Case() != 0 {
		t.Fatal(v, err)
	} else if p, _ := v.Payload(); p.Str() != "A" {
		t.Fatal(p.Str())
	}
	if v, err := f(t.Context(), args(0)); err != nil || v.Case() != 1 {
		t.Fatal(v, err)
	}
	if _, err := f(t.Context(), args(1)); err != context.Canceled {
		t.Fatal(err)
	}

	unit := &FuncType{Result: tresult(nil, nil)}
	f, err = GoHostFunc(unit, func() error { return Fail(struct{}{}) })
	if err != nil {
		t.Fatal(err)
	}
	if v, err := f(t.Context(), nil); err != nil || v.Case() != 1 {
		t.Fatal(v, err)
	}

	for name, c := range map[string]struct {
		t    *FuncType
		f    any
		want string
	}{
		"no function":   {unit, 1, "a Go int, which is no function"},
		"nil function":  {unit, (func())(nil), "a Go func(), which is no function"},
		"parameters":    {greet, func(person) string { return "" }, "want 2 parameters, got 1"},
		"parameter":     {greet, func(person, string) (string, error) { return "", nil }, "parameter 2 (n): want u32, got string"},
		"field":         {greet, func(struct{ FirstName int }, int) string { return "" }, "parameter 1 (who): field first-name: want string, got int"},
		"no result":     {greet, func(person, int) {}, "result: want result<string, color>, got none"},
		"result":        {greet, func(person, int) int { return 0 }, "result: want string, got int"},
		"unit result":   {&FuncType{}, func() int { return 0 }, "want no result, got int"},
		"variadic":      {unit, func(...int) {}, "variadic"},
		"two results":   {unit, func() (int, int) { return 0, 0 }, "one result"},
		"option":        {&FuncType{Params: []Field{{"a", toption(tk(KindU8))}}}, func(uint8) {}, "which is no pointer"},
		"nested result": {&FuncType{Params: []Field{{"a", tlist(shapeType)}}}, func([]string) {}, "element: want shape, got string"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := GoHostFunc(c.t, c.f); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}
