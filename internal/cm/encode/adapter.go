package encode

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// adapterVersion is the version of WASI that the adapter imports.
const adapterVersion = "0.2.12"

//go:embed adapter.wasm
var adapterWasm []byte

//go:embed state.wasm
var stateWasm []byte

// The modules that the adapter imports from, besides interfaces.
const (
	mainModule  = "main"
	stateModule = "state"
)

// adapterRun is the adapter's function that is no one of WASI 0.1: that of wasi:cli/run.
const adapterRun = "run"

// readAdapter finds out what the part of the adapter imports that the module uses.
func (e *encoder) readAdapter(used map[string]bool) error {
	x := slices.IndexFunc(e.exports, func(x export) bool { return slices.ContainsFunc(slices.Collect(maps.Values(x.lifts)), isAdapted) })
	if len(used) == 0 && x < 0 {
		return nil
	}
	whole, err := binary.DecodeModule(adapterWasm, 0)
	if err != nil {
		return err
	}
	for _, f := range slices.Sorted(maps.Keys(used)) {
		if f == adapterRun || !slices.ContainsFunc(whole.Exports, func(x binary.ModuleExport) bool { return x.Name == f }) {
			return fmt.Errorf("the module imports %q of %s, which is no function of WASI 0.1, or one that is not adapted", f, wasip1)
		}
	}
	if x >= 0 {
		used[adapterRun] = true
	}
	s := &side{memory: -1, realloc: -1}
	if s.wasm, err = prune(adapterWasm, used); err != nil {
		return err
	}
	if s.module, err = binary.DecodeModule(s.wasm, 0); err != nil {
		return err
	}
	for _, i := range s.module.Imports {
		if i.Module == mainModule || i.Module == stateModule {
			continue
		}
		w, err := e.understand(s, i)
		if err != nil {
			return fmt.Errorf("the adapter of WASI 0.1 imports %q of %q: %w", i.Field, i.Module, err)
		}
		s.wants = append(s.wants, w)
	}
	e.adapter = s
	return nil
}

func isAdapted(l lift) bool { return l.adapted }

// reserveAdapter gives slots to the adapter's functions that the module imports.
func (e *encoder) reserveAdapter() {
	for _, i := range e.main.module.Imports {
		if i.Module != wasip1 {
			continue
		}
		slot := e.slot(e.main.module.Types[i.Desc.Type].Func, func() (uint32, error) {
			return e.coreExport(e.adapter.instance, binary.SortCoreFunc, meaning(i.Field)), nil
		})
		e.main.wants = append(e.main.wants, want{module: i.Module, field: i.Field, typ: i.Desc.Type, slot: slot})
	}
}

// makeAdapter makes the adapter's instance, and that of its memory.
func (e *encoder) makeAdapter() error {
	s := e.adapter
	if s == nil {
		return nil
	}
	state := e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: e.addModule(stateWasm)})
	s.memory = int(e.coreExport(state, binary.SortCoreMemory, "memory"))
	s.realloc = int(e.coreExport(state, binary.SortCoreFunc, "realloc"))
	args, err := e.arguments(s)
	if err != nil {
		return err
	}
	given := &binary.CoreInstance{Module: -1}
	for _, i := range s.module.Imports {
		if i.Module != mainModule {
			continue
		}
		if !slices.ContainsFunc(e.main.module.Exports, func(x binary.ModuleExport) bool { return x.Name == i.Field && x.Sort == i.Desc.Sort }) {
			return fmt.Errorf("the module speaks WASI 0.1 and does not export its %s %q", strings.TrimPrefix(i.Desc.Sort.String(), "core "), i.Field)
		}
		given.Exports = append(given.Exports, binary.CoreInlineExport{
			Name: i.Field, SortIndex: binary.SortIndex{Sort: i.Desc.Sort, Index: e.coreExport(e.main.instance, i.Desc.Sort, i.Field)},
		})
	}
	args = append(args, binary.CoreArg{Name: mainModule, Instance: e.add(binary.SortCoreInstance, given)})
	if slices.ContainsFunc(s.module.Imports, func(i binary.CoreImport) bool { return i.Module == stateModule }) {
		args = append(args, binary.CoreArg{Name: stateModule, Instance: state})
	}
	s.instance = e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: e.addModule(s.wasm), Args: args})
	return nil
}
