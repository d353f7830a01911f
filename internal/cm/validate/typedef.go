package validate

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// typeDef adds a type to the type index space (Explainer.md §Type Definitions).
func (v *validator) typeDef(s *scope, d *binary.TypeDef) error {
	t, err := v.typeOf(s, d)
	if err != nil {
		return err
	}
	s.types = append(s.types, t)
	return nil
}

func (v *validator) typeOf(s *scope, d *binary.TypeDef) (*typ, error) {
	switch {
	case d.Val != nil:
		w, err := v.valDef(s, d.Pos, d.Val)
		if err != nil {
			return nil, err
		}
		return v.finish(d.Pos, &typ{kind: kindVal, val: w})
	case d.Func != nil:
		f, err := v.funcDef(s, d.Pos, d.Func)
		if err != nil {
			return nil, err
		}
		return v.finish(d.Pos, &typ{kind: kindFunc, fn: f})
	case d.Resource != nil:
		return v.resourceDef(s, d.Pos, d.Resource)
	case d.Component != nil:
		in := newScope(s, inComponentType)
		if err := v.decls(in, d.Component); err != nil {
			return nil, err
		}
		return v.finish(d.Pos, &typ{kind: kindComponent, comp: &comp{
			imports: in.imports, exports: in.exports, vars: in.vars, defined: in.created, weight: 1}})
	case d.Instance != nil:
		in := newScope(s, inInstanceType)
		if err := v.decls(in, d.Instance); err != nil {
			return nil, err
		}
		return v.finish(d.Pos, &typ{kind: kindInstance, inst: &inst{exports: in.exports, defined: in.created}})
	}
	return nil, errorf(d.Pos, "empty type definition")
}

// decls validates the declarations of a component or instance type.
func (v *validator) decls(s *scope, d *binary.DeclType) error {
	for _, c := range d.Decls {
		var err error
		switch {
		case c.CoreType != nil:
			err = v.coreTypeDef(s, c.CoreType)
		case c.Type != nil:
			err = v.typeDef(s, c.Type)
		case c.Alias != nil:
			err = v.declAlias(s, c.Alias)
		case c.Import != nil:
			err = v.importDef(s, c.Pos, c.Import)
		case c.Export != nil:
			err = v.exportDecl(s, c.Pos, c.Export)
		}
		if err != nil {
			return err
		}
		if !v.spend(1) {
			return errorf(c.Pos, "%s", errTooComplex)
		}
	}
	return nil
}

func (v *validator) declAlias(s *scope, a *binary.Alias) error {
	switch {
	case a.Sort == binary.SortType, a.Kind == binary.AliasExport && a.Sort == binary.SortInstance,
		a.Kind == binary.AliasOuter && a.Sort == binary.SortCoreType:
		return v.alias(s, a)
	}
	return errorf(a.Pos, "aliases in component and instance types may only refer to types or instances, not to a %s", a.Sort)
}

func (v *validator) resourceDef(s *scope, pos int, d *binary.ResourceDef) (*typ, error) {
	if s.kind != inComponent {
		return nil, errorf(pos, "resources can only be defined within a concrete component")
	}
	if d.Rep != i32 {
		return nil, refuse(pos, Memory64, "a resource type is represented by i64")
	}
	if d.Dtor >= 0 {
		f, err := at(pos, s.coreFuncs, uint32(d.Dtor), "function")
		if err != nil {
			return nil, err
		}
		if !f.is([]binary.CoreValType{i32}, nil) {
			return nil, errorf(pos, "wrong signature for a destructor: core function %d has type %s, wanted [i32] -> []", d.Dtor, f)
		}
	}
	return v.finish(pos, &typ{kind: kindResource, res: &resource{owner: s}})
}

func (v *validator) funcDef(s *scope, pos int, d *binary.FuncDef) (*fn, error) {
	f := &fn{async: d.Async}
	var err error
	if f.params, err = v.fields(s, pos, d.Params, "function parameter", "parameter", true); err != nil {
		return nil, err
	}
	if f.result, err = v.optRef(s, pos, d.Result); err != nil {
		return nil, err
	}
	if f.result.layout().borrow {
		return nil, errorf(pos, "function result cannot contain a `borrow` type")
	}
	return f, nil
}

// ref resolves a value type where it is used.
func (v *validator) ref(s *scope, pos int, r binary.ValRef) (ref, error) {
	if r.Prim == binary.PrimErrorContext {
		if err := v.gate(pos, ErrorContext, "the type error-context is used"); err != nil {
			return ref{}, err
		}
	}
	if r.Prim != 0 {
		return ref{prim: r.Prim}, nil
	}
	t, err := s.typeOf(pos, r.Index, kindVal)
	return ref{t: t}, err
}

func (v *validator) optRef(s *scope, pos int, r *binary.ValRef) (ref, error) {
	if r == nil {
		return ref{}, nil
	}
	return v.ref(s, pos, *r)
}

// labels checks that names are labels in kebab case, no two the same in all but case.
type labels struct {
	what, short string
	seen        map[string]string
}

func (l *labels) check(pos int, name string) error {
	if name == "" {
		return errorf(pos, "%s name cannot be empty", l.what)
	}
	if !isLabel(name) {
		return errorf(pos, "%s name `%s` is not in kebab case", l.what, name)
	}
	if l.seen == nil {
		l.seen = map[string]string{}
	}
	key := strings.ToLower(name)
	if was, ok := l.seen[key]; ok {
		return errorf(pos, "%s name `%s` conflicts with previous %s name `%s`", l.what, name, l.short, was)
	}
	l.seen[key] = name
	return nil
}

func (v *validator) fields(s *scope, pos int, fs []binary.Field, what, short string, named bool) ([]field, error) {
	out := make([]field, len(fs))
	l := labels{what: what, short: short}
	for i, f := range fs {
		if named {
			if err := l.check(pos, f.Name); err != nil {
				return nil, err
			}
		}
		r, err := v.optRef(s, pos, f.Type)
		if err != nil {
			return nil, err
		}
		out[i] = field{f.Name, r}
	}
	return out, nil
}

// valDef validates a defined value type.
func (v *validator) valDef(s *scope, pos int, d *binary.ValDef) (*val, error) {
	w := &val{kind: d.Kind, prim: d.Prim, labels: d.Labels, length: d.Len, hasLen: d.HasLen}
	if d.Prim == binary.PrimErrorContext {
		if err := v.gate(pos, ErrorContext, "the type error-context is defined"); err != nil {
			return nil, err
		}
	}
	if err := v.parts(s, pos, d, w); err != nil {
		return nil, err
	}
	if err := wellFormed(pos, w); err != nil {
		return nil, err
	}
	w.layout = layoutOf(w)
	if w.layout.size > maxValueSize {
		return nil, errorf(pos, "type exceeds maximum byte size: %d bytes with 64-bit pointers, at most %d", w.layout.size, maxValueSize)
	}
	return w, nil
}

// parts resolves what a value type is made of.
func (v *validator) parts(s *scope, pos int, d *binary.ValDef, w *val) (err error) {
	what, short := "record field", "field"
	if d.Kind == binary.DefVariant {
		what, short = "variant case", "case"
	}
	if w.fields, err = v.fields(s, pos, d.Fields, what, short, d.Kind != binary.DefTuple); err != nil {
		return err
	}
	l := labels{what: "flag", short: "flag"}
	if d.Kind == binary.DefEnum {
		l = labels{what: "enum tag", short: "tag"}
	}
	for _, name := range d.Labels {
		if err := l.check(pos, name); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		from *binary.ValRef
		to   *ref
	}{{d.Elem, &w.elem}, {d.Key, &w.key}, {d.OK, &w.ok}, {d.Err, &w.err}} {
		if *p.to, err = v.optRef(s, pos, p.from); err != nil {
			return err
		}
	}
	if d.Kind == binary.DefOwn || d.Kind == binary.DefBorrow {
		w.resource, err = s.typeOf(pos, d.Resource, kindResource)
	}
	return err
}

func wellFormed(pos int, w *val) error {
	empty := func(n int, what, of string) error {
		if n == 0 {
			return errorf(pos, "%s must have at least one %s", what, of)
		}
		return nil
	}
	switch w.kind {
	case binary.DefRecord:
		return empty(len(w.fields), "record type", "field")
	case binary.DefVariant:
		return empty(len(w.fields), "variant type", "case")
	case binary.DefTuple:
		return empty(len(w.fields), "tuple type", "type")
	case binary.DefEnum:
		return empty(len(w.labels), "enum type", "variant")
	case binary.DefFlags:
		if len(w.labels) > 32 {
			return errorf(pos, "cannot have more than 32 flags: this type has %d", len(w.labels))
		}
		return empty(len(w.labels), "flags", "entry")
	case binary.DefList:
		if w.hasLen && w.length == 0 {
			return errorf(pos, "a fixed-length list must have at least one element")
		}
	case binary.DefMap:
		if !mapKey(w.key) {
			return errorf(pos, "a map key must be bool, an integer, char or string")
		}
	case binary.DefStream, binary.DefFuture:
		what := "stream"
		if w.kind == binary.DefFuture {
			what = "future"
		}
		if w.elem.layout().borrow {
			return errorf(pos, "a %s cannot carry a `borrow` type", what)
		}
		if w.kind == binary.DefStream && w.elem.is(binary.PrimChar) {
			return errorf(pos, "`stream<char>` is not valid at this time")
		}
	}
	return nil
}

// is says whether r is the primitive p, by itself or by a definition.
func (r ref) is(p binary.Prim) bool { return r.primitive() == p }

func (r ref) primitive() binary.Prim {
	if r.t != nil && r.t.val.kind == binary.DefPrim {
		return r.t.val.prim
	}
	return r.prim
}

func mapKey(r ref) bool {
	switch p := r.primitive(); p {
	case binary.PrimF32, binary.PrimF64, binary.PrimErrorContext, 0:
		return false
	}
	return true
}

// describe names a value type in a few words, for messages.
func (r ref) describe() string {
	if p := r.primitive(); p != 0 {
		return primNames[p]
	}
	if r.t == nil {
		return "none"
	}
	return valNames[r.t.val.kind]
}

var primNames = [...]string{
	binary.PrimBool: "bool", binary.PrimS8: "s8", binary.PrimU8: "u8", binary.PrimS16: "s16", binary.PrimU16: "u16",
	binary.PrimS32: "s32", binary.PrimU32: "u32", binary.PrimS64: "s64", binary.PrimU64: "u64", binary.PrimF32: "f32",
	binary.PrimF64: "f64", binary.PrimChar: "char", binary.PrimString: "string", binary.PrimErrorContext: "error-context",
}

var valNames = [...]string{
	binary.DefPrim: "primitive", binary.DefRecord: "record", binary.DefVariant: "variant", binary.DefList: "list",
	binary.DefTuple: "tuple", binary.DefFlags: "flags", binary.DefEnum: "enum", binary.DefOption: "option",
	binary.DefResult: "result", binary.DefOwn: "own", binary.DefBorrow: "borrow", binary.DefStream: "stream",
	binary.DefFuture: "future", binary.DefMap: "map",
}

// show spells a core function type.
func show(ts []binary.CoreValType) string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = coreValName(t)
	}
	return "[" + strings.Join(out, " ") + "]"
}

func coreValName(t binary.CoreValType) string {
	switch t {
	case i32:
		return "i32"
	case i64:
		return "i64"
	case f32:
		return "f32"
	case f64:
		return "f64"
	case 0x7b:
		return "v128"
	case 0x70:
		return "funcref"
	case 0x6f:
		return "externref"
	}
	return fmt.Sprintf("type %#x", byte(t))
}
