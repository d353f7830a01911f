package validate

import (
	"cmp"
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// coreSubtype is core WebAssembly's matching of external types.
func coreSubtype(have, want coreItem) error {
	if have.sort != want.sort {
		return fmt.Errorf("expected %s, found %s", want.sort, have.sort)
	}
	h, w := have.desc, want.desc
	switch want.sort {
	case binary.SortCoreFunc, binary.SortCoreTag:
		if f := cmp.Or(want.fn.other, have.fn.other); f != "" {
			return &featureError{f, "functions of such types cannot be linked"}
		}
		if !have.fn.is(want.fn.params, want.fn.results) {
			return fmt.Errorf("expected: (func) of type %s, found: (func) of type %s", want.fn, have.fn)
		}
	case binary.SortCoreGlobal:
		switch {
		case !h.Val.Plain() || !w.Val.Plain():
			return &featureError{GC, "globals of such types cannot be linked"}
		case h.Mutable != w.Mutable || h.Shared != w.Shared:
			return fmt.Errorf("global types differ in mutability")
		case h.Val != w.Val:
			return fmt.Errorf("expected global type %s, found %s", coreValName(w.Val), coreValName(h.Val))
		}
	case binary.SortCoreTable:
		switch {
		case !h.Val.Plain() || !w.Val.Plain():
			return &featureError{GC, "tables of such types cannot be linked"}
		case h.Val != w.Val:
			return fmt.Errorf("expected table element type %s, found %s", coreValName(w.Val), coreValName(h.Val))
		case h.Is64 != w.Is64 || h.Shared != w.Shared || !limitsMatch(h, w):
			return fmt.Errorf("mismatch in table limits")
		}
	case binary.SortCoreMemory:
		switch {
		case h.Shared != w.Shared:
			return fmt.Errorf("mismatch in the shared flag for memories")
		case h.Is64 != w.Is64:
			return fmt.Errorf("mismatch in index type used for memories")
		case h.PageSize != w.PageSize || !limitsMatch(h, w):
			return fmt.Errorf("mismatch in memory limits")
		}
	}
	return nil
}

func limitsMatch(h, w binary.CoreExternDesc) bool {
	return h.Min >= w.Min && (!w.HasMax || h.HasMax && h.Max <= w.Max)
}

// moduleSubtype: have may import less and export more.
func moduleSubtype(have, want *module) error {
	if have == want {
		return nil
	}
	given := make(map[[2]string]coreItem, len(want.imports))
	for _, im := range want.imports {
		given[[2]string{im.module, im.field}] = im.item
	}
	for _, im := range have.imports {
		g, ok := given[[2]string{im.module, im.field}]
		if !ok {
			return fmt.Errorf("missing expected import `%s::%s`", im.module, im.field)
		}
		if err := coreSubtype(g, im.item); err != nil {
			return fmt.Errorf("type mismatch in import `%s::%s`: %w", im.module, im.field, err)
		}
	}
	for _, name := range want.exports.list {
		h, ok := have.exports.items[name]
		if !ok {
			return fmt.Errorf("missing expected export `%s`", name)
		}
		if err := coreSubtype(h, want.exports.items[name]); err != nil {
			return fmt.Errorf("type mismatch in export `%s`: %w", name, err)
		}
	}
	return nil
}
