package corewasm

// unresettable is a set of changes that a module can make and a host can neither read nor undo.
type unresettable uint8

const (
	tableChanged unresettable = 1 << iota
	segmentDropped
	vectorGlobal
)

// unresettableNames are the names of the bits, in their order.
var unresettableNames = [...]string{"table-changed", "segment-dropped", "vector-global"}

// noteOp adds what an instruction changes.
func (l *unresettable) noteOp(op byte) {
	if op == opTableSet {
		*l |= tableChanged
	}
}

func (l *unresettable) noteMiscOp(op byte) {
	switch op {
	case miscTabInit, miscTabCopy, miscTabGrow, miscTabFill:
		*l |= tableChanged
	case miscElemDrop, miscDataDrop:
		*l |= segmentDropped
	}
}

const (
	opTableSet   = 0x26
	miscDataDrop = 9
	miscElemDrop = 13
)

// notResettable lists why an instance of the module cannot be reset to an earlier state: instructions that change a table
// or drop a segment, whether or not they run, or a mutable global whose value is wider than the host can set. Active
// segments do not count, as they are written when the instance is made, nor does memory.init, which only reads its segment.
func (m *module) notResettable() []string {
	l := m.unresettable
	for _, d := range m.globals[m.nImports.globals:] {
		if d.Mutable && d.Val == valV128 {
			l |= vectorGlobal
		}
	}
	var names []string
	for i, n := range unresettableNames {
		if l&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// fillsImports says whether instantiation writes to an imported memory or table.
func (m *module) fillsImports() bool {
	for _, e := range m.elems {
		if e.active() && int(e.table) < m.nImports.tables && e.size() > 0 {
			return true
		}
	}
	return m.activeData && m.nImports.memories > 0
}
