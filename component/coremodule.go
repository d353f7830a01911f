package component

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// diffModule says why a core module of the host does not fit the type that a component imports it by, or "" if it does:
// it may import no more than the type says, and has to export all that it says. unsupported names what the engine lacks
// to run it.
func diffModule(m *plan.ImportModule) (diff string, unsupported *corewasm.UnsupportedError) {
	info, err := core.Inspect(m.Bytes)
	switch {
	case errors.As(err, &unsupported):
		return "", unsupported
	case err != nil:
		return err.Error(), nil
	}
	return diffInfo(m, info), nil
}

func diffInfo(m *plan.ImportModule, info *core.Info) string {
	for _, im := range info.Imports {
		i := slices.IndexFunc(m.Imports, func(x plan.CoreExtern) bool { return x.Module == im.Module && x.Name == im.Field })
		if i < 0 {
			return fmt.Sprintf("a module that imports %q %q", im.Module, im.Field)
		}
		given := &m.Imports[i]
		if diff := diffExtern(im.Type, im.Desc, given.Func, given.Desc); diff != "" {
			return fmt.Sprintf("a module whose import %q %q is %s", im.Module, im.Field, diff)
		}
	}
	for i := range m.Exports {
		want := &m.Exports[i]
		k := slices.IndexFunc(info.Exports, func(x core.Export) bool { return x.Name == want.Name })
		if k < 0 {
			return fmt.Sprintf("a module that does not export %q", want.Name)
		}
		if diff := diffExtern(want.Func, want.Desc, info.Exports[k].Type, info.Exports[k].Desc); diff != "" {
			return fmt.Sprintf("a module whose export %q is %s", want.Name, diff)
		}
	}
	return ""
}

// diffExtern says why had is no subtype of want (core specification, §Matching).
func diffExtern(wantFunc binary.CoreFuncType, want binary.CoreExternDesc, hadFunc binary.CoreFuncType, had binary.CoreExternDesc) string {
	if want.Sort != had.Sort {
		return "of another kind"
	}
	switch want.Sort {
	case binary.SortCoreFunc, binary.SortCoreTag:
		if !slices.Equal(wantFunc.Params, hadFunc.Params) || !slices.Equal(wantFunc.Results, hadFunc.Results) {
			return "a function of another type"
		}
	case binary.SortCoreGlobal:
		if want.Val != had.Val || want.Mutable != had.Mutable {
			return "a global of another type"
		}
	default:
		if want.Val != had.Val || want.Shared != had.Shared || want.Is64 != had.Is64 || want.PageSize != had.PageSize ||
			had.Min < want.Min || want.HasMax && (!had.HasMax || had.Max > want.Max) {
			return "of other limits or elements"
		}
	}
	return ""
}
