package corewasm

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// The time of wazero's compiler for a function grows with the square of its basic blocks, and with the product of basic
// blocks and values that are live across them: ten thousand loops in a row (70 KB) take a quarter of a minute. So a module
// that would take far longer for its size than the output of real compilers is refused before it is compiled. The estimate
// is in microseconds of one processor, comes from counts of one pass over the code, and is high rather than low.
const (
	maxFuncCost = 8_000_000 // of one function, whose compilation cannot be interrupted
	baseCost    = 2_000_000 // allowed to any module
	costPerByte = 15        // allowed for each byte of code; real compilers' output costs one to three
)

// shape counts what the cost of one function depends on.
type shape struct {
	loops, blocks, ifs, branches, targets, bulk, calls int

	exposed   int // locals that are read in another basic block than the one that wrote them
	globalOps int
	values    int // parameters and results of calls and branches
	moved     int // parameters and results of blocks
}

// exposed finds the locals that are live across basic blocks. A local that is written and read within one block costs
// nothing, and the output of compilers that do not optimise has thousands of them.
type exposed struct {
	last  []uint32 // by local: the block of its last access; with exposedBit, it is counted already
	block uint32
}

const exposedBit = 1 << 31

func (e *exposed) start(locals int) {
	e.last = append(e.last[:0], make([]uint32, locals)...)
	e.block = 0
}

func (e *exposed) access(i uint64, read bool) (exposed bool) {
	l := e.last[i]
	exposed = read && l&exposedBit == 0 && l != e.block
	if exposed {
		l |= exposedBit
	}
	e.last[i] = l&exposedBit | e.block
	return exposed
}

// call counts a call of a function of type t.
func (s *shape) call(t *binary.CoreFuncType) {
	s.calls++
	s.values += len(t.Params) + len(t.Results)
}

// cost is the estimate. Every global is a variable of every function, a mutable one is loaded again after each call, and
// a fuel check is a call.
func (s *shape) cost(globals, mutable int) uint64 {
	square := func(n int) uint64 { return uint64(n) * uint64(n) }
	variables := s.exposed + min(mutable, s.globalOps)
	tenths := 30*s.loops + 5*s.blocks + 10*s.ifs + 6*s.branches + 20*s.bulk + s.targets
	return square(tenths)/4000 +
		5*uint64(s.loops)*uint64(variables) +
		2*uint64(s.blocks+s.ifs)*uint64(variables) +
		uint64(s.loops+s.blocks+s.ifs)*uint64(s.moved)/100 +
		uint64(s.calls+s.loops+s.bulk)*uint64(mutable)/4 +
		uint64(s.values+s.moved+globals/32)
}

// ComplexityError says that compiling a module would take far too long.
type ComplexityError struct {
	Pos   int    // offset of the function in the module
	Cost  uint64 // its estimated cost
	Limit uint64 // the cost that was allowed for it
}

// Error names the place, the cost and the limit.
func (e *ComplexityError) Error() string {
	return fmt.Sprintf("core module at 0x%x: the function is too complex to compile: its loops, blocks, branches and locals cost %d, "+
		"of which %d are allowed here", e.Pos, e.Cost, e.Limit)
}

// chargeCost takes the cost of a function's body off what the module may cost.
func (m *module) chargeCost(bd body, s *shape) error {
	cost := s.cost(len(m.globals), m.mutable)
	if limit := min(maxFuncCost, baseCost+costPerByte*uint64(m.codeLen)-m.cost); cost > limit {
		return &ComplexityError{Pos: bd.base, Cost: cost, Limit: limit}
	}
	m.cost += cost
	return nil
}
