package timer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/wit"
)

// runFunc runs an instance's part of a tick.
type runFunc func(context.Context, *component.Instance) error

// function finds what a schedule calls: the function of its name, or wasi:cli/run.
func function(linked *component.Linked, name string) (runFunc, error) {
	if name == "" {
		run, err := command.Export(linked)
		return func(ctx context.Context, inst *component.Instance) error { return command.Call(ctx, inst, run) }, err
	}
	var id wit.InterfaceID
	iface, fn, inInterface := strings.Cut(name, "#")
	if !inInterface {
		fn = name
	} else {
		wanted, err := wit.ParseID(iface)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", name, err)
		}
		if found, ok := linked.FindExport(wanted); ok {
			wanted = found
		}
		id = wanted
	}
	var others []string
	for _, b := range linked.Boundaries() {
		switch {
		case b.Kind != cm.HostToGuest:
		case b.Interface == id && b.Func == fn && len(b.Type.Params) > 0:
			return nil, fmt.Errorf("function %s has parameters; a timer has nothing to call it with", name)
		case b.Interface == id && b.Func == fn:
			return func(ctx context.Context, inst *component.Instance) error { return call(ctx, inst, id, fn) }, nil
		case len(b.Type.Params) > 0:
		case b.Interface == (wit.InterfaceID{}):
			others = append(others, b.Func)
		default:
			others = append(others, b.Interface.String()+"#"+b.Func)
		}
	}
	slices.Sort(others)
	if len(others) == 0 {
		return nil, fmt.Errorf("it exports no function %s, and none without parameters", name)
	}
	return nil, fmt.Errorf("it exports no function %s; of those without parameters it has %s", name, strings.Join(others, ", "))
}

// call calls a function. What it returns is dropped, but for the error of a result, which counts as an exit with status 1.
func call(ctx context.Context, inst *component.Instance, id wit.InterfaceID, name string) error {
	f, err := inst.Func(id, name)
	if err != nil {
		return err
	}
	v, err := f.Call(ctx)
	if err != nil {
		return err
	}
	if r := f.Type().Result; r != nil && r.Kind == cm.KindResult && v.Case() != 0 {
		return &cm.ExitError{Code: 1}
	}
	return nil
}
