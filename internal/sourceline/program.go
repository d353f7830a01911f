package sourceline

// Standard and extended opcodes (DWARF Version 5 §6.2.5).
const (
	opCopy = iota + 1
	opAdvancePC
	opAdvanceLine
	opSetFile
	opSetColumn
	opNegateStatement
	opBasicBlock
	opConstAddPC
	opFixedAdvancePC

	extEnd     = 1
	extAddress = 2
)

// program is the run of a line number program: each of its opcodes changes the registers or adds a row.
type program struct {
	*tables
	*header
	*buffer
	begin int // of the sequence in the table's rows

	addr   uint64
	file   uint64
	line   int64
	column uint64
}

func (p *program) reset() { p.addr, p.file, p.line, p.column = 0, 1, 1, 0 }

func (p *program) run() {
	p.reset()
	for p.left() > 0 && !p.bad && len(p.table.rows) < maxRows {
		op := int(p.byte())
		switch {
		case op >= p.opcodeBase:
			p.special(op)
			p.row(false)
		case op == 0:
			p.extended()
		default:
			p.standard(op)
		}
	}
}

// special advances address and line by one opcode.
func (p *program) special(op int) {
	n := uint64(op - p.opcodeBase)
	p.addr += n / p.lineRange * p.minimum
	p.line += p.lineBase + int64(n%p.lineRange)
}

func (p *program) extended() {
	size := p.uleb()
	if size == 0 || size > uint64(p.left()) {
		p.bad = true
		return
	}
	b := &buffer{b: p.bytes(int(size))}
	switch b.byte() {
	case extEnd:
		p.row(true)
		p.reset()
	case extAddress:
		p.addr = b.fixed(min(b.left(), 8))
	}
}

func (p *program) standard(op int) {
	switch op {
	case opCopy:
		p.row(false)
	case opAdvancePC:
		p.addr += p.uleb() * p.minimum
	case opAdvanceLine:
		p.line += p.leb(true)
	case opSetFile:
		p.file = p.uleb()
	case opSetColumn:
		p.column = p.uleb()
	case opNegateStatement, opBasicBlock:
	case opConstAddPC:
		p.addr += uint64(255-p.opcodeBase) / p.lineRange * p.minimum
	case opFixedAdvancePC:
		p.addr += p.fixed(2)
	default:
		for range p.operands[op-1] {
			p.uleb()
		}
	}
}

// row adds a row; end says that it is behind the sequence.
func (p *program) row(end bool) {
	out := row{addr: uint32(min(p.addr, 1<<32-1))}
	if !end && p.line > 0 {
		if file, ok := p.fileOf(p.file); ok {
			out.file, out.line, out.column = file, uint32(min(p.line, 1<<32-1)), uint16(min(p.column, 1<<16-1))
		}
	}
	p.table.rows = append(p.table.rows, out)
	if end {
		if removed(p.table.rows[p.begin].addr) {
			p.table.rows = p.table.rows[:p.begin]
		}
		p.begin = len(p.table.rows)
	}
}

// noFile is the index of files that are not known, or too many.
const noFile = 1<<32 - 1

// fileOf is the index in the table of a file of the program.
func (p *program) fileOf(file uint64) (uint32, bool) {
	i, seen := p.index[file]
	if !seen {
		if len(p.index) == maxFiles || p.paths == maxPaths {
			return noFile, false
		}
		p.paths++
		i = noFile
		if path := p.path(file); path != "" {
			if found, ok := p.fileIndex(path); ok {
				i = found
			}
		}
		p.index[file] = i
	}
	return i, i != noFile
}
