package encode

import (
	"encoding/binary"
	"fmt"
	"regexp"

	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// dedupe gives imports that a module has twice names of their own, since components have each name once: "fd_write [v2]" for the second, as other
// tools do. Go's linker makes such modules.
func (s *side) dedupe() error {
	taken := map[[2]string]int{}
	again := false
	for i := range s.module.Imports {
		m := &s.module.Imports[i]
		if m.Desc.Sort != cmbinary.SortCoreFunc {
			return fmt.Errorf("the module imports the %s %q of %q, and a component can give it functions only: link it without shared memories and tables",
				m.Desc.Sort, m.Field, m.Module)
		}
		key := [2]string{m.Module, m.Field}
		if taken[key]++; taken[key] > 1 {
			again = true
			m.Field = fmt.Sprintf("%s [v%d]", m.Field, taken[key])
			taken[[2]string{m.Module, m.Field}]++
		}
	}
	if !again {
		return nil
	}
	var list [][]byte
	for _, m := range s.module.Imports {
		list = append(list, cat(text(m.Module), text(m.Field), []byte{0}, uleb(int(m.Desc.Type))))
	}
	w := &module{}
	w.section(2, list)
	for pos := 8; pos < len(s.wasm); {
		size, k := binary.Uvarint(s.wasm[pos+1:])
		end := pos + 1 + k + int(size)
		if s.wasm[pos] == 2 {
			s.wasm = cat(s.wasm[:pos], w.rest, s.wasm[end:])
			return nil
		}
		pos = end
	}
	return nil
}

var version = regexp.MustCompile(` \[v[0-9]+\]$`)

// meaning is the name of an import without what dedupe, or another tool, has added.
func meaning(field string) string { return version.ReplaceAllString(field, "") }
