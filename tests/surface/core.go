package surface

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
	"github.com/vitrine-wasm/vitrine/wit"
)

// call writes the core function that calls an import with its own arguments and drops its borrowed handles, as the
// specification requires. post is the matching post-return function.
func (w *writer) call(name string, f *wit.Func, async bool) (body, post string, err error) {
	var params []string
	var drops strings.Builder
	for _, p := range f.Params {
		l, err := w.table.Layout(valueType(p.Type))
		if err != nil {
			return "", "", err
		}
		switch r := borrowed(p.Type); {
		case r == nil:
		case p.Type.Kind == wit.Borrow:
			fmt.Fprintf(&drops, " (call $%s (local.get %d))", dropOf(r), len(params))
		default:
			fmt.Fprintf(&drops, " "+dropEach, dropOf(r), len(params), len(params), len(params)+1, len(params)+1)
		}
		for _, c := range l.Flat {
			params = append(params, coreName(c))
		}
	}
	var results []string
	var size uint32
	if f.Result != nil {
		l, err := w.table.Layout(valueType(f.Result))
		if err != nil {
			return "", "", err
		}
		for _, c := range l.Flat {
			results = append(results, coreName(c))
		}
		if l.Spills {
			results = make([]string, types.MaxFlatParams)
		}
		size = l.Size
	}
	if len(params) > types.MaxFlatParams {
		if drops.Len() > 0 {
			return "", "", fmt.Errorf("borrows in parameters that pass through memory")
		}
		params = []string{"i32"}
	}
	var get strings.Builder
	for i := range params {
		fmt.Fprintf(&get, " (local.get %d)", i)
	}
	importParams, ret := params, ""
	if len(results) > types.MaxFlatResults {
		importParams, results = append(params[:len(params):len(params)], "i32"), []string{"i32"}
		ret = fmt.Sprintf("(local.set $r (call $alloc (i32.const %d)))", size)
		get.WriteString(" (local.get $r)")
	}
	sig := clause("param", importParams)
	switch {
	case async:
		sig += " (result i32)"
	case ret == "":
		sig += clause("result", results)
	}
	line(&w.coreImports, "(import \"host\" %q (func $%s%s))", name, name, sig)
	post = "post"
	var b strings.Builder
	fmt.Fprintf(&b, "(func (export %q)%s%s (local $r %s) (local $i i32)", name, clause("param", params), clause("result", results), strings.Join(append(results[:len(results):len(results)], "i32")[:1], ""))
	fmt.Fprintf(&b, " %s", ret)
	callee := fmt.Sprintf("(call $%s%s)", name, get.String())
	switch {
	case async:
		callee = "(call $finished " + callee + ")"
	case ret == "" && len(results) == 1:
		callee = "(local.set $r " + callee + ")"
	}
	b.WriteString(callee + drops.String())
	if len(results) == 1 {
		b.WriteString(" (local.get $r)")
		post += "-" + results[0]
	}
	b.WriteString(")")
	return b.String(), post, nil
}

// lowersAsync says whether the component calls f by the asynchronous ABI: one whose type is async and whose arguments and result
// lie where both ABIs have them. It blocks for the others.
func (w *writer) lowersAsync(f *wit.Func) (bool, error) {
	if !f.Async {
		return false, nil
	}
	params := 0
	for _, p := range f.Params {
		l, err := w.table.Layout(valueType(p.Type))
		if err != nil {
			return false, err
		}
		params += len(l.Flat)
	}
	if f.Result == nil {
		return params <= types.MaxFlatAsyncParams, nil
	}
	l, err := w.table.Layout(valueType(f.Result))
	if err != nil {
		return false, err
	}
	return params <= types.MaxFlatAsyncParams && (l.Spills || len(l.Flat) > types.MaxFlatResults), nil
}

// dropEach drops the borrow handles of a list. Its arguments are the drop function and the locals of pointers and lengths.
const dropEach = `(block $done (loop $next (br_if $done (i32.ge_u (local.get $i) (local.get %[4]d)))
  (call $%[1]s (i32.load (i32.add (local.get %[2]d) (i32.shl (local.get $i) (i32.const 2)))))
  (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))`

func clause(word string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + word + " " + strings.Join(names, " ") + ")"
}

func dropOf(r *wit.Type) string { return short(r.Interface) + "_drop-" + r.Name }

// borrowed is the resource that a parameter, or each element of a list, borrows; nil if none.
func borrowed(t *wit.Type) *wit.Type {
	if t.Kind == wit.List {
		t = t.Elem
	}
	if t.Kind == wit.Borrow {
		return t.Elem.Resolve()
	}
	return nil
}

func coreName(c binary.CoreValType) string {
	return map[binary.CoreValType]string{types.I32: "i32", types.I64: "i64", types.F32: "f32", types.F64: "f64"}[c]
}

// valueType is a type for the canonical ABI's layout, without names and resources.
func valueType(t *wit.Type) *cm.Type {
	if t == nil {
		return nil
	}
	t = t.Resolve()
	out := &cm.Type{Kind: kinds[t.Kind], Elem: nil, Len: t.Len}
	switch t.Kind {
	case wit.Resource: // a bare name is an own handle
		out.Kind = cm.KindOwn
	case wit.Record, wit.Tuple:
		for _, f := range t.Fields {
			out.Fields = append(out.Fields, cm.Field{Name: f.Name, Type: valueType(f.Type)})
		}
	case wit.Variant:
		for _, c := range t.Cases {
			out.Cases = append(out.Cases, cm.Case{Name: c.Name, Type: valueType(c.Type)})
		}
	case wit.Enum, wit.Flags:
		for _, c := range t.Cases {
			out.Labels = append(out.Labels, c.Name)
		}
	case wit.Stream, wit.Future:
		if t.Elem != nil {
			out.Elem = valueType(t.Elem)
		}
	case wit.List, wit.Option:
		out.Elem = valueType(t.Elem)
	case wit.Result:
		out.OK, out.Err = valueType(t.OK), valueType(t.Err)
	}
	return out
}

var kinds = map[wit.Kind]cm.Kind{
	wit.Bool: cm.KindBool, wit.S8: cm.KindS8, wit.U8: cm.KindU8, wit.S16: cm.KindS16, wit.U16: cm.KindU16,
	wit.S32: cm.KindS32, wit.U32: cm.KindU32, wit.S64: cm.KindS64, wit.U64: cm.KindU64, wit.F32: cm.KindF32,
	wit.F64: cm.KindF64, wit.Char: cm.KindChar, wit.String: cm.KindString, wit.Record: cm.KindRecord,
	wit.Variant: cm.KindVariant, wit.Enum: cm.KindEnum, wit.Flags: cm.KindFlags, wit.Tuple: cm.KindTuple,
	wit.List: cm.KindList, wit.Option: cm.KindOption, wit.Result: cm.KindResult, wit.Own: cm.KindOwn, wit.Borrow: cm.KindBorrow,
	wit.Stream: cm.KindStream, wit.Future: cm.KindFuture,
}
