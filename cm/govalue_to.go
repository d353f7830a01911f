package cm

import (
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"
)

// ToGo makes a Go value of a value of type t; the table at [GoType] says which Go values fit which type. The error is a
// *ResultError[any] if t is a result and v its error arm, and otherwise says that v is no value of type t. Bytes are
// shared, not copied.
func ToGo(t *Type, v Val) (any, error) {
	if t == nil {
		return nil, nil
	}
	if t.Kind != KindResult {
		g, err := ToGoAs(t, v, anyGo)
		if err != nil {
			return nil, err
		}
		return g.Interface(), nil
	}
	if !v.Holds(KindResult) || v.Case() > 1 {
		return nil, notA(t)
	}
	part := []*Type{t.OK, t.Err}[v.Case()]
	var payload any
	if part != nil {
		p, ok := v.Payload()
		if !ok {
			return nil, notA(t)
		}
		g, err := ToGoAs(part, p, anyGo)
		if err != nil {
			return nil, at([]string{"ok", "error"}[v.Case()], err)
		}
		payload = g.Interface()
	}
	if v.Case() == 1 {
		return nil, &ResultError[any]{Value: payload}
	}
	return payload, nil
}

func notA(t *Type) error { return fmt.Errorf("value is no %s", t) }

// ToGoAs makes a Go value of the type target, for the parameters of a Go function. The error says where in the value
// target does not fit.
func ToGoAs(t *Type, v Val, target reflect.Type) (reflect.Value, error) {
	out := reflect.New(target).Elem()
	if err := toGo(t, v, out); err != nil {
		return reflect.Value{}, err
	}
	return out, nil
}

func toGo(t *Type, v Val, out reflect.Value) error {
	switch g := out.Type(); {
	case !v.Holds(t.Kind):
		return notA(t)
	case g == valGo:
		out.Set(reflect.ValueOf(v))
		return nil
	case g == anyGo && GoType(t) == anyGo:
		out.Set(reflect.ValueOf(v.Any()))
		return nil
	case g == anyGo:
		natural := reflect.New(GoType(t)).Elem()
		if err := toGo(t, v, natural); err != nil {
			return err
		}
		out.Set(natural)
		return nil
	case g == resourceGo && (t.Kind == KindOwn || t.Kind == KindBorrow):
		out.Set(reflect.ValueOf(v.Resource()))
		return nil
	case t.Kind == KindStream, t.Kind == KindFuture:
		return endToGo(t, v, out)
	case g.Kind() == reflect.Pointer:
		return pointerToGo(t, v, out)
	}
	return valueToGo(t, v, out)
}

// pointerToGo sets a pointer: nil for none, and a fresh one for some and for every type that is no option.
func pointerToGo(t *Type, v Val, out reflect.Value) error {
	if t.Kind == KindOption {
		p, some := v.Payload()
		if !some {
			return nil
		}
		t, v = t.Elem, p
	}
	fresh := reflect.New(out.Type().Elem())
	if err := toGo(t, v, fresh.Elem()); err != nil {
		return err
	}
	out.Set(fresh)
	return nil
}

func valueToGo(t *Type, v Val, out reflect.Value) error {
	switch t.Kind {
	case KindBool:
		if out.Kind() == reflect.Bool {
			out.SetBool(v.Bool())
			return nil
		}
	case KindF32, KindF64:
		if out.CanFloat() {
			f := v.F64()
			if t.Kind == KindF32 {
				f = float64(v.F32())
			}
			out.SetFloat(f)
			return nil
		}
	case KindString:
		if out.Kind() == reflect.String {
			out.SetString(v.Str())
			return nil
		}
	case KindList:
		return listToGo(t, v, out)
	case KindMap:
		return mapToGo(t, v, out)
	case KindRecord:
		return recordToGo(t, v, out)
	case KindTuple:
		return tupleToGo(t, v, out)
	case KindVariant, KindResult:
		return caseToGo(t, v, out)
	case KindEnum:
		if out.Kind() == reflect.String {
			if int(v.Case()) >= len(t.Labels) {
				return notA(t)
			}
			out.SetString(t.Labels[v.Case()])
			return nil
		}
	case KindFlags:
		return flagsToGo(t, v, out)
	case KindOwn, KindBorrow, KindOption, KindStream, KindFuture, KindErrorContext:
	default:
		return intToGo(t, v, out)
	}
	return misfit(t, out)
}

func misfit(t *Type, out reflect.Value) error {
	return fmt.Errorf("%s does not go into %s", t, out.Type())
}

// integer reads any integer or char as both an int64 and a uint64, as far as the type is wide.
func integer(t *Type, v Val) (int64, uint64) {
	switch t.Kind {
	case KindS8:
		return int64(v.S8()), uint64(v.S8())
	case KindS16:
		return int64(v.S16()), uint64(v.S16())
	case KindS32, KindChar:
		return int64(v.S32()), uint64(v.S32())
	case KindU8:
		return int64(v.U8()), uint64(v.U8())
	case KindU16:
		return int64(v.U16()), uint64(v.U16())
	case KindU32:
		return int64(v.U32()), uint64(v.U32())
	}
	return v.S64(), v.U64()
}

func intToGo(t *Type, v Val, out reflect.Value) error {
	i, u := integer(t, v)
	negative := i < 0 && t.Kind != KindU64
	switch {
	case t.Kind == KindChar && !utf8.ValidRune(v.Char()):
		return notA(t)
	case out.CanInt():
		if out.OverflowInt(i) || t.Kind == KindU64 && u > math.MaxInt64 {
			break
		}
		out.SetInt(i)
		return nil
	case out.CanUint():
		if negative || out.OverflowUint(u) {
			break
		}
		out.SetUint(u)
		return nil
	default:
		return misfit(t, out)
	}
	if negative {
		return fmt.Errorf("%d does not fit into %s", i, out.Type())
	}
	return fmt.Errorf("%d does not fit into %s", u, out.Type())
}

// room makes out hold n elements.
func room(t *Type, out reflect.Value, n int) error {
	switch {
	case out.Kind() == reflect.Slice:
		out.Set(reflect.MakeSlice(out.Type(), n, n))
	case out.Kind() != reflect.Array:
		return misfit(t, out)
	case out.Len() != n:
		return fmt.Errorf("%d elements do not go into %s", n, out.Type())
	}
	return nil
}

func listToGo(t *Type, v Val, out reflect.Value) error {
	if out.Kind() == reflect.Slice && out.Type().Elem().Kind() == reflect.Uint8 && v.IsBytes() {
		out.SetBytes(v.Bytes())
		return nil
	}
	if err := room(t, out, v.Len()); err != nil {
		return err
	}
	for i, e := range v.List() {
		if err := toGo(t.Elem, e, out.Index(i)); err != nil {
			return at(fmt.Sprintf("element %d", i), err)
		}
	}
	return nil
}

func mapToGo(t *Type, v Val, out reflect.Value) error {
	entry := &Type{Kind: KindTuple, Fields: []Field{{Type: t.Key}, {Type: t.Elem}}}
	if out.Kind() != reflect.Map {
		return listToGo(&Type{Kind: KindList, Elem: entry}, v, out)
	}
	m := reflect.MakeMapWithSize(out.Type(), v.Len())
	for i, e := range v.List() {
		if !e.Holds(KindTuple) || e.Len() != 2 {
			return at(fmt.Sprintf("entry %d", i), notA(entry))
		}
		key, err := ToGoAs(t.Key, e.List()[0], out.Type().Key())
		if err != nil {
			return at(fmt.Sprintf("key %d", i), err)
		}
		if !key.Comparable() {
			return at(fmt.Sprintf("key %d", i), misfit(t.Key, key))
		}
		val, err := ToGoAs(t.Elem, e.List()[1], out.Type().Elem())
		if err != nil {
			return at(fmt.Sprintf("value of key %v", key), err)
		}
		m.SetMapIndex(key, val)
	}
	out.Set(m)
	return nil
}

func recordToGo(t *Type, v Val, out reflect.Value) error {
	vs := v.List()
	g := out.Type()
	switch {
	case len(vs) != len(t.Fields):
		return notA(t)
	case g.Kind() == reflect.Map && g.Key().Kind() == reflect.String:
		m := reflect.MakeMapWithSize(g, len(vs))
		for i, f := range t.Fields {
			fv, err := ToGoAs(f.Type, vs[i], g.Elem())
			if err != nil {
				return at("field "+f.Name, err)
			}
			m.SetMapIndex(reflect.ValueOf(f.Name).Convert(g.Key()), fv)
		}
		out.Set(m)
		return nil
	case g.Kind() != reflect.Struct:
		return misfit(t, out)
	}
	fields := fieldsOf(g)
	for i, f := range t.Fields {
		index, ok := fields.byName[goName(f.Name)]
		if !ok {
			if f.Type.Kind == KindOption && vs[i].Holds(KindOption) && vs[i].Case() == 0 {
				continue
			}
			return fmt.Errorf("field %s: missing in %s", f.Name, g)
		}
		if err := toGo(f.Type, vs[i], out.Field(index)); err != nil {
			return at("field "+f.Name, err)
		}
	}
	return nil
}

func tupleToGo(t *Type, v Val, out reflect.Value) error {
	vs := v.List()
	if len(vs) != len(t.Fields) {
		return notA(t)
	}
	part := out.Index
	if out.Kind() == reflect.Struct {
		order := fieldsOf(out.Type()).order
		if len(order) != len(vs) {
			return misfit(t, out)
		}
		part = func(i int) reflect.Value { return out.Field(order[i]) }
	} else if err := room(t, out, len(vs)); err != nil {
		return err
	}
	for i, f := range t.Fields {
		if err := toGo(f.Type, vs[i], part(i)); err != nil {
			return at(fmt.Sprintf("part %d", i), err)
		}
	}
	return nil
}

func caseToGo(t *Type, v Val, out reflect.Value) error {
	name, payload, ok := t.caseAt(v.Case())
	if !ok {
		return notA(t)
	}
	if t.Kind == KindResult && isResult(out.Type()) {
		return resultToGo(t, v, out)
	}
	if out.Type() != variantGo {
		return misfit(t, out)
	}
	c := Variant{Case: name}
	if payload != nil {
		p, some := v.Payload()
		if !some {
			return notA(t)
		}
		g, err := ToGoAs(payload, p, anyGo)
		if err != nil {
			return at("case "+name, err)
		}
		c.Value = g.Interface()
	}
	out.Set(reflect.ValueOf(c))
	return nil
}

// isResult says whether a Go type is an instance of [Result].
func isResult(g reflect.Type) bool {
	_, ok := reflect.Zero(g).Interface().(interface{ Variant() Variant })
	return ok && g.Kind() == reflect.Struct
}

func resultToGo(t *Type, v Val, out reflect.Value) error {
	name, payload, _ := t.caseAt(v.Case())
	side := out.FieldByName("OK")
	if v.Case() == 1 {
		out.FieldByName("IsErr").SetBool(true)
		side = out.FieldByName("Err")
	}
	if payload == nil {
		return nil
	}
	p, some := v.Payload()
	if !some {
		return notA(t)
	}
	return at(name, toGo(payload, p, side))
}

// caseAt names a case of a variant or result.
func (t *Type) caseAt(i uint32) (string, *Type, bool) {
	switch {
	case t.Kind == KindResult && i == 0:
		return "ok", t.OK, true
	case t.Kind == KindResult && i == 1:
		return "error", t.Err, true
	case uint64(i) < uint64(len(t.Cases)):
		return t.Cases[i].Name, t.Cases[i].Type, true
	}
	return "", nil, false
}

func flagsToGo(t *Type, v Val, out reflect.Value) error {
	if out.Kind() != reflect.Slice || out.Type().Elem().Kind() != reflect.String {
		return misfit(t, out)
	}
	if wide := len(t.Labels) > 64; wide != v.Holds(KindRecord) || wide && 32*v.Len() < len(t.Labels) {
		return notA(t)
	}
	set := func(i int) bool { return v.Flags()>>i&1 != 0 }
	if v.Holds(KindRecord) {
		words := v.List()
		set = func(i int) bool { return words[i/32].U32()>>(i%32)&1 != 0 }
	}
	labels := reflect.MakeSlice(out.Type(), 0, 0)
	for i, l := range t.Labels {
		if set(i) {
			labels = reflect.Append(labels, reflect.ValueOf(l).Convert(out.Type().Elem()))
		}
	}
	out.Set(labels)
	return nil
}
