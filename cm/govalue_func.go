package cm

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

var contextGo = reflect.TypeFor[context.Context]()

// GoHostFunc makes a host function of type t of a Go function f, whose parameters and result are Go values as [GoType]
// has them, with an optional leading context.Context and an optional trailing error. A WIT error in that error
// ([ResultError], [Fail]) becomes the error arm of a result type; then f's result is the payload of ok, and f needs none
// where ok has no payload. That f's types can hold values of t is checked here as far as types tell.
func GoHostFunc(t *FuncType, f any) (HostFunc, error) {
	g, err := newGoFunc(t, f)
	if err != nil {
		return nil, err
	}
	return g.call, nil
}

// GoHostParts is [GoHostFunc] for a function whose type is async, as [HostDef] has its Parts: f is the work, and may block. It
// must not use the guest's store, but may read and write streams and futures; its context ends when the guest cancels the call.
func GoHostParts(t *FuncType, f any) (func(ctx context.Context, args []Val) (Work, error), error) {
	g, err := newGoFunc(t, f)
	if err != nil {
		return nil, err
	}
	return g.parts, nil
}

func newGoFunc(t *FuncType, f any) (*goFunc, error) {
	fv := reflect.ValueOf(f)
	if !fv.IsValid() || fv.Kind() != reflect.Func || fv.IsNil() {
		return nil, fmt.Errorf("a Go %T, which is no function", f)
	}
	g := &goFunc{typ: t, f: fv}
	if err := g.check(fv.Type()); err != nil {
		return nil, fmt.Errorf("a Go %T: %w", f, err)
	}
	return g, nil
}

type goFunc struct {
	typ           *FuncType
	f             reflect.Value
	params        []reflect.Type // without the context
	context       bool
	result, fails bool // what f returns
}

func (g *goFunc) check(ft reflect.Type) error {
	if ft.IsVariadic() {
		return fmt.Errorf("variadic functions are not taken")
	}
	for i := range ft.NumIn() {
		if p := ft.In(i); i == 0 && p == contextGo {
			g.context = true
		} else {
			g.params = append(g.params, p)
		}
	}
	if len(g.params) != len(g.typ.Params) {
		return fmt.Errorf("want %d parameters, got %d", len(g.typ.Params), len(g.params))
	}
	for i, p := range g.params {
		if err := CheckGo(g.typ.Params[i].Type, p); err != nil {
			return fmt.Errorf("parameter %d (%s): %w", i+1, g.typ.Params[i].Name, err)
		}
	}
	return g.checkResult(ft)
}

func (g *goFunc) checkResult(ft reflect.Type) error {
	n := ft.NumOut()
	if n > 0 && ft.Out(n-1) == errorGo {
		g.fails = true
		n--
	}
	if n > 1 {
		return fmt.Errorf("want one result and an error at most")
	}
	g.result = n == 1
	t := g.typ.Result
	switch {
	case !g.result && t == nil, !g.result && g.fails && t.Kind == KindResult && t.OK == nil:
		return nil
	case t == nil:
		return fmt.Errorf("want no result, got %s", ft.Out(0))
	case !g.result:
		return fmt.Errorf("result: want %s, got none", t)
	}
	out := ft.Out(0)
	if t.Kind == KindResult && out != variantGo && out != valGo && out.Kind() != reflect.Interface && !isResult(out) {
		if t.OK == nil {
			return fmt.Errorf("result: want none for %s, got %s", t, out)
		}
		t = t.OK
	}
	return at("result", CheckGo(t, out))
}

func (g *goFunc) call(ctx context.Context, args []Val) (Val, error) {
	in, err := g.args(args)
	if err != nil {
		return Val{}, err
	}
	return g.finish(ctx, g.run(ctx, in))
}

// parts is call with its three parts apart.
func (g *goFunc) parts(_ context.Context, args []Val) (Work, error) {
	in, err := g.args(args)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) Finish {
		out := g.run(ctx, in)
		return func(ctx context.Context) (Val, error) { return g.finish(ctx, out) }
	}, nil
}

// args are those of f, without the context.
func (g *goFunc) args(args []Val) ([]reflect.Value, error) {
	if len(args) != len(g.params) {
		return nil, fmt.Errorf("want %d arguments, got %d", len(g.params), len(args))
	}
	in := make([]reflect.Value, 0, len(args)+1)
	if g.context {
		in = append(in, reflect.Value{})
	}
	for i, a := range args {
		v, err := ToGoAs(g.typ.Params[i].Type, a, g.params[i])
		if err != nil {
			return nil, fmt.Errorf("argument %d (%s): %w", i+1, g.typ.Params[i].Name, err)
		}
		in = append(in, v)
	}
	return in, nil
}

func (g *goFunc) run(ctx context.Context, in []reflect.Value) []reflect.Value {
	if g.context {
		in[0] = reflect.ValueOf(&ctx).Elem()
	}
	return g.f.Call(in)
}

// finish makes the result of what f has returned.
func (g *goFunc) finish(ctx context.Context, out []reflect.Value) (Val, error) {
	var result any
	if g.result {
		result = out[0].Interface()
	}
	var err error
	if g.fails {
		err, _ = out[len(out)-1].Interface().(error)
	}
	var carried WITError
	if errors.As(err, &carried) {
		NoteCause(ctx, err)
	}
	return ResultFromGo(g.typ, result, err)
}

// CheckGo says why no value of type t can be converted to Go type g and back. It looks at types only: what is in an any is checked
// when there is a value.
func CheckGo(t *Type, g reflect.Type) error {
	switch {
	case g == valGo, g.Kind() == reflect.Interface:
		return nil
	case t.Kind == KindOption:
		if g.Kind() != reflect.Pointer || g == resourceGo {
			return wantGot(t, g.String()+", which is no pointer")
		}
		return CheckGo(t.Elem, g.Elem())
	case t.Kind == KindOwn, t.Kind == KindBorrow:
		return unless(g == resourceGo, t, g)
	case t.Kind == KindStream, t.Kind == KindFuture:
		e := endOf(t, g)
		if e == nil {
			return wantGot(t, g)
		}
		return e.checkElem(t)
	case g.Kind() == reflect.Pointer:
		return CheckGo(t, g.Elem())
	}
	switch t.Kind {
	case KindBool:
		return unless(g.Kind() == reflect.Bool, t, g)
	case KindF32, KindF64:
		return unless(reflect.Zero(g).CanFloat(), t, g)
	case KindString, KindEnum:
		return unless(g.Kind() == reflect.String, t, g)
	case KindFlags:
		return unless(g.Kind() == reflect.Slice && g.Elem().Kind() == reflect.String, t, g)
	case KindVariant:
		return unless(g == variantGo, t, g)
	case KindResult:
		return unless(g == variantGo || isResult(g), t, g)
	case KindErrorContext:
		return wantGot(t, g)
	case KindList:
		return checkList(t, g)
	case KindMap:
		if g.Kind() == reflect.Map {
			if err := CheckGo(t.Key, g.Key()); err != nil {
				return at("key", err)
			}
			return at("value", CheckGo(t.Elem, g.Elem()))
		}
		return unless(g.Kind() == reflect.Slice, t, g)
	case KindRecord:
		return checkRecord(t, g)
	case KindTuple:
		return checkTuple(t, g)
	}
	return unless(reflect.Zero(g).CanInt() || reflect.Zero(g).CanUint(), t, g)
}

func unless(ok bool, t *Type, g reflect.Type) error {
	if ok {
		return nil
	}
	return wantGot(t, g)
}

func checkList(t *Type, g reflect.Type) error {
	fits := g.Kind() == reflect.Slice || g.Kind() == reflect.Array && (t.Len == 0 || int(t.Len) == g.Len())
	if !fits {
		return wantGot(t, g)
	}
	return at("element", CheckGo(t.Elem, g.Elem()))
}

func checkRecord(t *Type, g reflect.Type) error {
	switch {
	case g.Kind() == reflect.Map && g.Key().Kind() == reflect.String:
		for _, f := range t.Fields {
			if err := CheckGo(f.Type, g.Elem()); err != nil {
				return at("field "+f.Name, err)
			}
		}
		return nil
	case g.Kind() != reflect.Struct:
		return wantGot(t, g)
	}
	fields := fieldsOf(g)
	for _, f := range t.Fields {
		i, ok := fields.byName[goName(f.Name)]
		if !ok && f.Type.Kind == KindOption {
			continue
		}
		if !ok {
			return fmt.Errorf("field %s: missing in %s", f.Name, g)
		}
		if err := CheckGo(f.Type, g.Field(i).Type); err != nil {
			return at("field "+f.Name, err)
		}
	}
	return nil
}

func checkTuple(t *Type, g reflect.Type) error {
	part := func(int) reflect.Type { return g.Elem() }
	switch g.Kind() {
	case reflect.Slice:
	case reflect.Array:
		if g.Len() != len(t.Fields) {
			return wantGot(t, g)
		}
	case reflect.Struct:
		order := fieldsOf(g).order
		if len(order) != len(t.Fields) {
			return wantGot(t, g)
		}
		part = func(i int) reflect.Type { return g.Field(order[i]).Type }
	default:
		return wantGot(t, g)
	}
	for i, f := range t.Fields {
		if err := CheckGo(f.Type, part(i)); err != nil {
			return at(fmt.Sprintf("part %d", i), err)
		}
	}
	return nil
}
