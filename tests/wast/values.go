package wast

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
)

// kinds are the kinds of types by their names in scripts.
var kinds = map[string]cm.Kind{
	"bool": cm.KindBool, "s8": cm.KindS8, "u8": cm.KindU8, "s16": cm.KindS16, "u16": cm.KindU16, "s32": cm.KindS32,
	"u32": cm.KindU32, "s64": cm.KindS64, "u64": cm.KindU64, "f32": cm.KindF32, "f64": cm.KindF64, "char": cm.KindChar,
	"string": cm.KindString, "record": cm.KindRecord, "variant": cm.KindVariant, "list": cm.KindList, "tuple": cm.KindTuple,
	"flags": cm.KindFlags, "enum": cm.KindEnum, "option": cm.KindOption, "result": cm.KindResult, "map": cm.KindMap,
}

// val converts a script's value of type t.
func val(t *cm.Type, v *Value) (cm.Val, error) {
	if kinds[v.Type] != t.Kind && !(v.Type == "list" && t.Kind == cm.KindMap) {
		return cm.Val{}, fmt.Errorf("a %s, where the type is %s", v.Type, t)
	}
	switch t.Kind {
	case cm.KindBool:
		b, err := read[bool](v)
		return cm.BoolVal(b), err
	case cm.KindString:
		s, err := read[string](v)
		return cm.StringVal(s), err
	case cm.KindChar:
		s, err := read[string](v)
		r, n := utf8.DecodeRuneInString(s)
		if err == nil && n != len(s) {
			err = fmt.Errorf("%q is not one char", s)
		}
		return cm.CharVal(r), err
	case cm.KindList:
		return listVal(t, v)
	case cm.KindTuple, cm.KindRecord:
		return recordVal(t, v)
	case cm.KindMap:
		return mapVal(t, v)
	case cm.KindVariant, cm.KindOption, cm.KindResult, cm.KindEnum:
		return caseVal(t, v)
	case cm.KindFlags:
		return flagsVal(t, v)
	}
	return numberVal(t, v)
}

func read[T any](v *Value) (out T, err error) {
	if err = json.Unmarshal(v.Value, &out); err != nil {
		err = fmt.Errorf("%s: %w", v.Type, err)
	}
	return out, err
}

// numberVal reads an integer, or a float's bits.
func numberVal(t *cm.Type, v *Value) (cm.Val, error) {
	s, err := read[string](v)
	if err != nil {
		return cm.Val{}, err
	}
	bits := map[cm.Kind]int{
		cm.KindS8: 8, cm.KindU8: 8, cm.KindS16: 16, cm.KindU16: 16, cm.KindS32: 32, cm.KindU32: 32, cm.KindF32: 32,
	}[t.Kind]
	if bits == 0 {
		bits = 64
	}
	var i int64
	var u uint64
	switch t.Kind {
	case cm.KindS8, cm.KindS16, cm.KindS32, cm.KindS64:
		i, err = strconv.ParseInt(s, 10, bits)
		u = uint64(i)
	default:
		u, err = strconv.ParseUint(s, 10, bits)
	}
	if err != nil {
		return cm.Val{}, fmt.Errorf("%s: %w", v.Type, err)
	}
	switch t.Kind {
	case cm.KindF32:
		return cm.F32Val(math.Float32frombits(uint32(u))), nil
	case cm.KindS8, cm.KindS16, cm.KindS32, cm.KindS64:
		return cm.S64Val(i), nil // the representation is the same for all widths
	}
	return cm.U64Val(u), nil
}

func listVal(t *cm.Type, v *Value) (cm.Val, error) {
	elems, err := read[[]Value](v)
	if err != nil {
		return cm.Val{}, err
	}
	if t.Len > 0 && len(elems) != int(t.Len) {
		return cm.Val{}, fmt.Errorf("%d elements, where the type is %s", len(elems), t)
	}
	out := make([]cm.Val, len(elems))
	for i := range elems {
		if out[i], err = val(t.Elem, &elems[i]); err != nil {
			return cm.Val{}, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return cm.ListVal(out), nil
}

// fields returns the fields of a record or tuple.
func fields(v *Value) (names []string, vals []Value, err error) {
	if v.Type == "tuple" {
		vals, err = read[[]Value](v)
		return make([]string, len(vals)), vals, err
	}
	pairs, err := read[[][2]json.RawMessage](v)
	for _, p := range pairs {
		var name string
		var part Value
		if err = json.Unmarshal(p[0], &name); err == nil {
			err = json.Unmarshal(p[1], &part)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("record: %w", err)
		}
		names, vals = append(names, name), append(vals, part)
	}
	return names, vals, err
}

func recordVal(t *cm.Type, v *Value) (cm.Val, error) {
	names, parts, err := fields(v)
	if err != nil {
		return cm.Val{}, err
	}
	if len(parts) != len(t.Fields) {
		return cm.Val{}, fmt.Errorf("%d fields, where the type is %s", len(parts), t)
	}
	out := make([]cm.Val, len(parts))
	for i := range parts {
		f := t.Fields[i]
		if names[i] != f.Name {
			return cm.Val{}, fmt.Errorf("field %q, where the type is %s", names[i], t)
		}
		if out[i], err = val(f.Type, &parts[i]); err != nil {
			return cm.Val{}, fmt.Errorf("field %d %s: %w", i, f.Name, err)
		}
	}
	return cm.ListVal(out), nil
}

// mapVal reads a map: pairs, or tuples of two.
func mapVal(t *cm.Type, v *Value) (cm.Val, error) {
	raw, err := read[[]json.RawMessage](v)
	if err != nil {
		return cm.Val{}, err
	}
	out := make([]cm.Val, len(raw))
	for i, r := range raw {
		var pair []Value
		if err := json.Unmarshal(r, &pair); err != nil {
			var tuple Value
			if err = json.Unmarshal(r, &tuple); err == nil {
				pair, err = read[[]Value](&tuple)
			}
			if err != nil {
				return cm.Val{}, fmt.Errorf("map: %w", err)
			}
		}
		if len(pair) != 2 {
			return cm.Val{}, fmt.Errorf("map: an entry of %d values", len(pair))
		}
		k, err := val(t.Key, &pair[0])
		if err != nil {
			return cm.Val{}, fmt.Errorf("key %d: %w", i, err)
		}
		e, err := val(t.Elem, &pair[1])
		if err != nil {
			return cm.Val{}, fmt.Errorf("entry %d: %w", i, err)
		}
		out[i] = cm.ListVal([]cm.Val{k, e})
	}
	return cm.ListVal(out), nil
}

// caseVal reads a value of a variant, enum, option or result.
func caseVal(t *cm.Type, v *Value) (cm.Val, error) {
	var index int
	var want *cm.Type
	var payload *Value
	var err error
	switch t.Kind {
	case cm.KindEnum:
		var label string
		label, err = read[string](v)
		if index = slices.Index(t.Labels, label); index < 0 {
			return cm.Val{}, fmt.Errorf("case %q, where the type is %s", label, t)
		}
		return cm.EnumVal(uint32(index)), err
	case cm.KindVariant:
		var c struct {
			Case    string
			Payload *Value
		}
		c, err = read[struct {
			Case    string
			Payload *Value
		}](v)
		index = slices.IndexFunc(t.Cases, func(x cm.Case) bool { return x.Name == c.Case })
		if index < 0 {
			return cm.Val{}, fmt.Errorf("case %q, where the type is %s", c.Case, t)
		}
		want, payload = t.Cases[index].Type, c.Payload
	case cm.KindOption:
		if payload, err = read[*Value](v); payload != nil {
			index, want = 1, t.Elem
		}
	default:
		var arms map[string]*Value
		arms, err = read[map[string]*Value](v)
		want, payload = t.OK, arms["Ok"]
		if e, isErr := arms["Err"]; isErr {
			index, want, payload = 1, t.Err, e
		}
	}
	if err != nil {
		return cm.Val{}, err
	}
	if (want == nil) != (payload == nil) {
		return cm.Val{}, fmt.Errorf("case %d with a payload %t, where the type is %s", index, payload != nil, t)
	}
	if payload == nil {
		return cm.CaseVal(uint32(index), nil), nil
	}
	p, err := val(want, payload)
	if err != nil {
		return cm.Val{}, fmt.Errorf("payload: %w", err)
	}
	return cm.CaseVal(uint32(index), &p), nil
}

func flagsVal(t *cm.Type, v *Value) (cm.Val, error) {
	set, err := read[[]string](v)
	if err != nil {
		return cm.Val{}, err
	}
	words := make([]uint32, (len(t.Labels)+31)/32)
	for _, label := range set {
		i := slices.Index(t.Labels, label)
		if i < 0 {
			return cm.Val{}, fmt.Errorf("flag %q, where the type is %s", label, t)
		}
		words[i/32] |= 1 << (i % 32)
	}
	if len(t.Labels) > 64 {
		out := make([]cm.Val, len(words))
		for i, w := range words {
			out[i] = cm.U32Val(w)
		}
		return cm.ListVal(out), nil
	}
	var bits uint64
	for i, w := range words {
		bits |= uint64(w) << (32 * i)
	}
	return cm.FlagsVal(bits), nil
}
