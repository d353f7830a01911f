package component

import (
	"context"
	"fmt"
	"reflect"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Invoke is Call with Go values: bool, sized integers and floats, rune for char, string, []T and []byte for lists,
// structs or map[string]any for records and tuples, *T for options, [cm.Variant] for variants, string for enums,
// []string for flags, *cm.Resource for resources; cm.GoType has the whole table. An ok result gives its payload, an
// error result a Go error that holds a *cm.ResultError[any].
func (f *Func) Invoke(ctx context.Context, args ...any) (any, error) {
	vals, err := cm.ArgsFromGo(f.def.Type, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.def.Name, err)
	}
	v, err := f.Call(ctx, vals...)
	if err != nil || f.def.Type.Result == nil {
		return nil, err
	}
	return cm.ToGo(f.def.Type.Result, v)
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// goHostFunc makes a host function of type t from a Go function.
func goHostFunc(t *cm.FuncType, fn any) (cm.HostFunc, error) {
	g := reflect.ValueOf(fn)
	if g.Kind() != reflect.Func {
		return nil, fmt.Errorf("a Go %T, which is no function", fn)
	}
	ft := g.Type()
	takesContext := ft.NumIn() > 0 && ft.In(0) == contextType
	first := 0
	if takesContext {
		first = 1
	}
	if ft.IsVariadic() || ft.NumIn()-first != len(t.Params) {
		return nil, fmt.Errorf("a Go %s, which takes %d arguments", ft, ft.NumIn()-first)
	}
	results := ft.NumOut()
	fails := results > 0 && ft.Out(results-1) == errorType
	if fails {
		results--
	}
	// A result<_, E> or result may be served by an error alone.
	if results > 1 || results == 1 && t.Result == nil || results == 0 && t.Result != nil && (t.Result.Kind != cm.KindResult || t.Result.OK != nil) {
		return nil, fmt.Errorf("a Go %s, which returns something else", ft)
	}
	return func(ctx context.Context, args []cm.Val) (cm.Val, error) {
		in := make([]reflect.Value, 0, len(args)+1)
		if takesContext {
			in = append(in, reflect.ValueOf(ctx))
		}
		for i, a := range args {
			v, err := cm.ToGoAs(t.Params[i].Type, a, ft.In(i+first))
			if err != nil {
				return cm.Val{}, fmt.Errorf("argument %s: %w", t.Params[i].Name, err)
			}
			in = append(in, v)
		}
		out := g.Call(in)
		var result any
		var err error
		if fails {
			err, _ = out[len(out)-1].Interface().(error)
		}
		if results == 1 {
			result = out[0].Interface()
		}
		return cm.ResultFromGo(t, result, err)
	}, nil
}
