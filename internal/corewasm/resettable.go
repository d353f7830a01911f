package corewasm

// lasting is what a module can do that outlives a reset: changes to what a host can neither read nor write back.
type lasting uint8

const (
	changesTables lasting = 1 << iota
	dropsSegments
	vectorGlobals
)

// lastingNames are in the order of the bits.
var lastingNames = [...]string{"table-changed", "segment-dropped", "vector-global"}

// instruction looks at one instruction: an opcode, or one behind the 0xfc prefix.
func (l *lasting) instruction(op byte) {
	if op == opTableSet {
		*l |= changesTables
	}
}

func (l *lasting) misc(op byte) {
	switch op {
	case miscTabInit, miscTabCopy, miscTabGrow, miscTabFill:
		*l |= changesTables
	case miscElemDrop, miscDataDrop:
		*l |= dropsSegments
	}
}

const (
	opTableSet   = 0x26
	miscDataDrop = 9
	miscElemDrop = 13
)

// notResettable says why an instance of the module cannot be set back to what it was once: it has instructions that
// change a table or drop a segment, which nobody outside can undo, or a mutable global whose value is wider than the
// host can set. What is counted is that an instruction is there, not that it runs. Active segments do not count: they are
// done when the instance is made. Nor does memory.init, which only reads its segment.
func (m *module) notResettable() []string {
	l := m.lasting
	for _, d := range m.globals[m.nImports.globals:] {
		if d.Mutable && d.Val == valV128 {
			l |= vectorGlobals
		}
	}
	var names []string
	for i, n := range lastingNames {
		if l&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// fillsImports says whether making an instance writes to what is not its own.
func (m *module) fillsImports() bool {
	for _, e := range m.elems {
		if e.active() && int(e.table) < m.nImports.tables && e.size() > 0 {
			return true
		}
	}
	return m.activeData && m.nImports.memories > 0
}
