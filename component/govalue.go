package component

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Invoke is Call with Go values: bool, sized integers and floats, rune for char, string, []T and []byte for lists,
// structs or map[string]any for records and tuples, *T for options, [cm.Variant] for variants, string for enums,
// []string for flags, *cm.Resource for resources; cm.GoType has the whole table. An ok result gives its payload, an
// error result a Go error that holds a *cm.ResultError[any]. Like Call it waits for the call's end: for a function that goes on
// writing a stream that it has returned, use Start, and convert its result with [cm.ToGo].
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
