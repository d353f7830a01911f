package corewasm

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// What wazero's compiler takes for a function grows with the square of its basic blocks, and with the product of what
// meets in them: ten thousand loops in a row, no more than 70 KB, keep it busy for a quarter of a minute. So a module that
// would take far longer for its size than what real compilers write is refused before it is compiled. The estimate comes
// from what one pass over the code can count, in about microseconds of one processor, and is high rather than low.
const (
	maxFuncCost = 8_000_000 // of one function, which cannot be given up half way
	baseCost    = 2_000_000 // of a module of no size
	costPerByte = 15        // and for each byte of its code, for which real compilers write one to three
)

// shape is what one function's cost depends on.
type shape struct {
	loops, blocks, ifs, branches, targets, bulk, calls int

	exposed   int // locals that are read where other code than that before it in a row may have written them
	globalOps int
	values    int // that calls and branches take and give
	moved     int // that blocks take and give
}

// exposed finds the locals whose values meet: those that are written and read in one stretch of code cost nothing, and
// what compilers write without optimising has thousands of them.
type exposed struct {
	last    []uint32 // by local: the stretch in which it was accessed last; with metBit, it is exposed
	stretch uint32
}

const metBit = 1 << 31

func (e *exposed) start(locals int) {
	e.last = append(e.last[:0], make([]uint32, locals)...)
	e.stretch = 0
}

func (e *exposed) access(i uint64, read bool) (met bool) {
	l := e.last[i]
	met = read && l&metBit == 0 && l != e.stretch
	if met {
		l |= metBit
	}
	e.last[i] = l&metBit | e.stretch
	return met
}

// call counts a call of a function of type t.
func (s *shape) call(t *binary.CoreFuncType) {
	s.calls++
	s.values += len(t.Params) + len(t.Results)
}

// cost estimates. Every global is a variable of every function, and one that is mutable is loaded again after each call; a
// check of fuel is a call.
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
	Pos  int    // offset of the function that is too much
	Cost uint64 // its estimate
	Most uint64 // what there was left for it
}

// Error says where, and what of it makes compiling slow.
func (e *ComplexityError) Error() string {
	return fmt.Sprintf("core module at 0x%x: the function is too complex to compile: its loops, blocks, branches and locals cost %d, "+
		"of which %d are allowed here", e.Pos, e.Cost, e.Most)
}

// spend takes the cost of a function's body off what the module may cost.
func (m *module) spend(bd body, s *shape) error {
	cost := s.cost(len(m.globals), m.mutable)
	if most := min(maxFuncCost, baseCost+costPerByte*uint64(m.codeLen)-m.cost); cost > most {
		return &ComplexityError{Pos: bd.base, Cost: cost, Most: most}
	}
	m.cost += cost
	return nil
}
