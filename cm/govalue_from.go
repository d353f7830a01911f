package cm

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"
)

// FromGo makes a value of type t of a Go value; the table at [GoType] says which Go values fit which type. The error says where in
// the value and what was wanted ("field name: want string, got int"). Byte slices are shared, not copied.
func FromGo(t *Type, v any) (Val, error) {
	g := reflect.ValueOf(v)
	if _, ok := v.(Variant); ok && t.Kind == KindResult && t.OK != nil && (t.OK.Kind == KindVariant || t.OK.Kind == KindResult) {
		p, err := fromGo(t.OK, g)
		if err != nil {
			return Val{}, at("ok", err)
		}
		return OKVal(p), nil
	}
	return fromGo(t, g)
}

// ArgsFromGo makes the arguments of a function of Go values.
func ArgsFromGo(t *FuncType, args []any) ([]Val, error) {
	if len(args) != len(t.Params) {
		return nil, fmt.Errorf("want %d arguments, got %d", len(t.Params), len(args))
	}
	out := make([]Val, len(args))
	for i, a := range args {
		v, err := FromGo(t.Params[i].Type, a)
		if err != nil {
			return nil, fmt.Errorf("argument %d (%s): %w", i+1, t.Params[i].Name, err)
		}
		out[i] = v
	}
	return out, nil
}

func fromGo(t *Type, g reflect.Value) (Val, error) {
	for g.IsValid() && g.Kind() == reflect.Interface {
		g = g.Elem()
	}
	switch {
	case g.IsValid() && g.Type() == valGo:
		v := g.Interface().(Val)
		if !v.Holds(t.Kind) {
			return Val{}, wantGot(t, "a cm.Val of another form")
		}
		return v, nil
	case t.Kind == KindOption:
		return optionFromGo(t, g)
	case t.Kind == KindResult:
		return resultFromGo(t, g)
	case !g.IsValid():
		return Val{}, wantGot(t, "nil")
	case t.Kind == KindOwn, t.Kind == KindBorrow:
		r, ok := g.Interface().(*Resource)
		if !ok || r == nil {
			return Val{}, wantGot(t, g.Type())
		}
		return ResourceVal(r), nil
	case t.Kind == KindStream, t.Kind == KindFuture:
		return endFromGo(t, g)
	case t.Kind == KindErrorContext:
		return AnyVal(g.Interface()), nil
	case g.Kind() == reflect.Pointer:
		if g.IsNil() {
			return Val{}, wantGot(t, "nil "+g.Type().String())
		}
		return fromGo(t, g.Elem())
	}
	return valueFromGo(t, g)
}

func optionFromGo(t *Type, g reflect.Value) (Val, error) {
	if !g.IsValid() || g.Kind() == reflect.Pointer && g.IsNil() {
		return None(), nil
	}
	if g.Kind() == reflect.Pointer && g.Type() != resourceGo && endOf(t.Elem, g.Type()) == nil {
		g = g.Elem()
	}
	v, err := fromGo(t.Elem, g)
	if err != nil {
		return Val{}, err
	}
	return Some(v), nil
}

func resultFromGo(t *Type, g reflect.Value) (Val, error) {
	if g.IsValid() && g.Kind() == reflect.Pointer && g.Type().Elem() == variantGo && !g.IsNil() {
		g = g.Elem()
	}
	if g.IsValid() {
		if v, ok := g.Interface().(Variant); ok {
			return caseFromGo(t, v)
		}
		if r, ok := g.Interface().(interface{ Variant() Variant }); ok {
			return caseFromGo(t, r.Variant())
		}
		if e, ok := g.Interface().(WITError); ok {
			return caseFromGo(t, Variant{Case: "error", Value: e.WITValue()})
		}
		if _, ok := g.Interface().(error); ok {
			return Val{}, wantGot(t, g.Type().String()+", which carries no WIT error")
		}
	}
	if t.OK == nil {
		if g.IsValid() {
			return Val{}, wantGot(t, g.Type())
		}
		return CaseVal(0, nil), nil
	}
	v, err := fromGo(t.OK, g)
	if err != nil {
		return Val{}, at("ok", err)
	}
	return OKVal(v), nil
}

func valueFromGo(t *Type, g reflect.Value) (Val, error) {
	switch t.Kind {
	case KindBool:
		if g.Kind() == reflect.Bool {
			return BoolVal(g.Bool()), nil
		}
	case KindF32:
		if g.CanFloat() {
			return F32Val(float32(g.Float())), nil
		}
	case KindF64:
		if g.CanFloat() {
			return F64Val(g.Float()), nil
		}
	case KindString:
		if g.Kind() == reflect.String {
			if s := g.String(); utf8.ValidString(s) {
				return StringVal(s), nil
			}
			return Val{}, wantGot(t, "invalid UTF-8")
		}
	case KindList:
		return listFromGo(t, g)
	case KindMap:
		return mapFromGo(t, g)
	case KindRecord:
		return recordFromGo(t, g)
	case KindTuple:
		return tupleFromGo(t, g)
	case KindVariant:
		if v, ok := g.Interface().(Variant); ok {
			return caseFromGo(t, v)
		}
		if g.Kind() == reflect.String {
			return caseFromGo(t, Variant{Case: g.String()})
		}
	case KindEnum:
		if g.Kind() == reflect.String {
			if i := slices.Index(t.Labels, g.String()); i >= 0 {
				return EnumVal(uint32(i)), nil
			}
			return Val{}, wantGot(t, fmt.Sprintf("%q", g.String()))
		}
	case KindFlags:
		return flagsFromGo(t, g)
	default:
		return intFromGo(t, g)
	}
	return Val{}, wantGot(t, g.Type())
}

// intBounds are the least and greatest values of integer kinds; the greatest as uint64.
var intBounds = map[Kind]struct {
	low  int64
	high uint64
}{
	KindS8: {math.MinInt8, math.MaxInt8}, KindS16: {math.MinInt16, math.MaxInt16},
	KindS32: {math.MinInt32, math.MaxInt32}, KindS64: {math.MinInt64, math.MaxInt64},
	KindU8: {0, math.MaxUint8}, KindU16: {0, math.MaxUint16}, KindU32: {0, math.MaxUint32}, KindU64: {0, math.MaxUint64},
	KindChar: {0, utf8.MaxRune},
}

func intFromGo(t *Type, g reflect.Value) (Val, error) {
	b, ok := intBounds[t.Kind]
	var fits bool
	var bits uint64
	switch {
	case !ok:
		return Val{}, fmt.Errorf("type of unknown kind %d", t.Kind)
	case g.CanInt():
		fits = g.Int() >= b.low && (g.Int() < 0 || uint64(g.Int()) <= b.high)
		bits = uint64(g.Int())
	case g.CanUint():
		fits = g.Uint() <= b.high
		bits = g.Uint()
	default:
		return Val{}, wantGot(t, g.Type())
	}
	if !fits || t.Kind == KindChar && !utf8.ValidRune(rune(bits)) {
		return Val{}, wantGot(t, fmt.Sprintf("%v, which does not fit", g.Interface()))
	}
	return Val{bits: bits, form: formNum}, nil
}

func isList(g reflect.Value) bool { return g.Kind() == reflect.Slice || g.Kind() == reflect.Array }

func listFromGo(t *Type, g reflect.Value) (Val, error) {
	if !isList(g) {
		return Val{}, wantGot(t, g.Type())
	}
	if t.Len > 0 && g.Len() != int(t.Len) {
		return Val{}, wantGot(t, fmt.Sprintf("%d elements", g.Len()))
	}
	if t.Elem.Kind == KindU8 && g.Type().Elem().Kind() == reflect.Uint8 {
		if g.Kind() == reflect.Slice || g.CanAddr() {
			return BytesVal(g.Bytes()), nil
		}
		b := make([]byte, g.Len())
		reflect.Copy(reflect.ValueOf(b), g)
		return BytesVal(b), nil
	}
	vs := make([]Val, g.Len())
	for i := range vs {
		v, err := fromGo(t.Elem, g.Index(i))
		if err != nil {
			return Val{}, at(fmt.Sprintf("element %d", i), err)
		}
		vs[i] = v
	}
	return ListVal(vs), nil
}

// mapFromGo puts entries in the order of their keys, so that equal maps give equal values.
func mapFromGo(t *Type, g reflect.Value) (Val, error) {
	entry := &Type{Kind: KindTuple, Fields: []Field{{Type: t.Key}, {Type: t.Elem}}}
	if g.Kind() != reflect.Map {
		return listFromGo(&Type{Kind: KindList, Elem: entry}, g)
	}
	keys := g.MapKeys()
	slices.SortFunc(keys, compareKeys)
	vs := make([]Val, len(keys))
	for i, k := range keys {
		key, err := fromGo(t.Key, k)
		if err != nil {
			return Val{}, at(fmt.Sprintf("key %v", k), err)
		}
		v, err := fromGo(t.Elem, g.MapIndex(k))
		if err != nil {
			return Val{}, at(fmt.Sprintf("value of key %v", k), err)
		}
		vs[i] = ListVal([]Val{key, v})
	}
	return ListVal(vs), nil
}

func compareKeys(a, b reflect.Value) int {
	switch {
	case a.Kind() == reflect.String && b.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt() && b.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint() && b.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func recordFromGo(t *Type, g reflect.Value) (Val, error) {
	var field func(name string) reflect.Value
	switch {
	case g.Kind() == reflect.Struct:
		fields := fieldsOf(g.Type())
		field = func(name string) reflect.Value {
			if i, ok := fields.byName[goName(name)]; ok {
				return g.Field(i)
			}
			return reflect.Value{}
		}
	case g.Kind() == reflect.Map && g.Type().Key().Kind() == reflect.String:
		if err := knownKeys(t, g); err != nil {
			return Val{}, err
		}
		field = func(name string) reflect.Value {
			return g.MapIndex(reflect.ValueOf(name).Convert(g.Type().Key()))
		}
	default:
		return Val{}, wantGot(t, g.Type())
	}
	vs := make([]Val, len(t.Fields))
	for i, f := range t.Fields {
		fg := field(f.Name)
		if !fg.IsValid() && f.Type.Kind != KindOption {
			return Val{}, fmt.Errorf("field %s: missing in %s", f.Name, g.Type())
		}
		v, err := fromGo(f.Type, fg)
		if err != nil {
			return Val{}, at("field "+f.Name, err)
		}
		vs[i] = v
	}
	return ListVal(vs), nil
}

func knownKeys(t *Type, g reflect.Value) error {
	for _, k := range g.MapKeys() {
		if !slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == k.String() }) {
			return fmt.Errorf("field %s: unknown in %s", k.String(), t)
		}
	}
	return nil
}

func tupleFromGo(t *Type, g reflect.Value) (Val, error) {
	var n int
	var part func(i int) reflect.Value
	switch {
	case isList(g):
		n, part = g.Len(), g.Index
	case g.Kind() == reflect.Struct:
		order := fieldsOf(g.Type()).order
		n, part = len(order), func(i int) reflect.Value { return g.Field(order[i]) }
	default:
		return Val{}, wantGot(t, g.Type())
	}
	if n != len(t.Fields) {
		return Val{}, wantGot(t, fmt.Sprintf("%d parts", n))
	}
	vs := make([]Val, n)
	for i, f := range t.Fields {
		v, err := fromGo(f.Type, part(i))
		if err != nil {
			return Val{}, at(fmt.Sprintf("part %d", i), err)
		}
		vs[i] = v
	}
	return ListVal(vs), nil
}

// caseFromGo makes a variant or result.
func caseFromGo(t *Type, v Variant) (Val, error) {
	i, payload, ok := t.caseType(v.Case)
	switch {
	case !ok:
		return Val{}, wantGot(t, fmt.Sprintf("case %q", v.Case))
	case payload == nil && v.Value != nil && v.Value != struct{}{}:
		return Val{}, fmt.Errorf("case %s: want no value, got %T", v.Case, v.Value)
	case payload == nil:
		return CaseVal(i, nil), nil
	}
	p, err := fromGo(payload, reflect.ValueOf(v.Value))
	if err != nil {
		return Val{}, at("case "+v.Case, err)
	}
	return CaseVal(i, &p), nil
}

func flagsFromGo(t *Type, g reflect.Value) (Val, error) {
	if !isList(g) || g.Type().Elem().Kind() != reflect.String {
		return Val{}, wantGot(t, g.Type())
	}
	words := make([]uint32, max(2, (len(t.Labels)+31)/32))
	for i := range g.Len() {
		l := slices.Index(t.Labels, g.Index(i).String())
		if l < 0 {
			return Val{}, wantGot(t, fmt.Sprintf("%q", g.Index(i).String()))
		}
		words[l/32] |= 1 << (l % 32)
	}
	if len(t.Labels) <= 64 {
		return FlagsVal(uint64(words[0]) | uint64(words[1])<<32), nil
	}
	vs := make([]Val, len(words))
	for i, w := range words {
		vs[i] = U32Val(w)
	}
	return ListVal(vs), nil
}

// ResultFromGo makes the result of a function of type t from what a Go function returned. A WIT error in err (at any
// depth, see [WITError]) becomes the error arm of a result type; every other error, and a WIT error where the type has no
// place for it, is returned as it is.
func ResultFromGo(t *FuncType, v any, err error) (Val, error) {
	if err != nil {
		var w WITError
		if t.Result != nil && t.Result.Kind == KindResult && errors.As(err, &w) {
			return caseFromGo(t.Result, Variant{Case: "error", Value: w.WITValue()})
		}
		return Val{}, err
	}
	if t.Result == nil {
		return Val{}, nil
	}
	out, err := FromGo(t.Result, v)
	return out, at("result", err)
}
