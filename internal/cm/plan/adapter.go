package plan

import "strconv"

// The function that the adapter of WASI preview 1 exports to the module that it serves, and the one of WASI 0.2 that it imports for it.
const (
	adapterExport = "path_open"
	openAt        = "[method]descriptor.open-at"
)

// markAdapters finds the lowered open-at of adapters from WASI preview 1 to 0.2, as wit-component places them:
// the adapter imports it from a shim module under a number, and another module puts the trampoline into the shim's table
// under the same number.
func (p *planner) markAdapters() {
	for _, m := range p.Modules {
		for _, slot := range m.Slots {
			if a := m.Sources[slot.Source]; slot.Field == adapterExport && a != HostSource {
				p.markAdapter(a)
			}
		}
	}
}

func (p *planner) markAdapter(adapter int) {
	a := &p.Modules[adapter]
	for i, im := range p.imports[adapter] {
		if im.Field != openAt {
			continue
		}
		slot := a.Slots[i]
		shim := a.Sources[slot.Source]
		if shim == HostSource {
			p.mark(slot.Field)
			continue
		}
		for f := range p.Modules {
			for k, im := range p.imports[f] {
				m := &p.Modules[f]
				if s := m.Slots[k]; im.Field == slot.Field && m.Sources[s.Source] == HostSource && m.uses(shim) {
					p.mark(s.Field)
				}
			}
		}
	}
}

func (m *Module) uses(source int) bool {
	for _, s := range m.Slots {
		if m.Sources[s.Source] == source {
			return true
		}
	}
	return false
}

// mark notes the trampoline of that name.
func (p *planner) mark(name string) {
	if i, err := strconv.Atoi(name[1:]); err == nil && i < len(p.Trampolines) {
		p.Trampolines[i].Adapter = true
	}
}
