package corewasm

// immediate says what follows an opcode.
type immediate uint8

const (
	immInvalid    immediate = iota
	immNone                 // nothing
	immBlock                // a block type
	immIndex                // one index
	immIndex2               // two indices
	immFunc                 // a function index, which rewriting renumbers
	immMem                  // a memory argument: alignment and offset
	immMemIndex             // a memory index, a byte that is zero
	immI32                  // constants
	immI64                  //
	immF32                  //
	immF64                  //
	immBrTable              // a vector of labels and one more
	immSelect               // a vector of value types
	immHeapType             // a heap type
	immTryTable             // a block type and catch clauses
	immMisc                 // the 0xfc prefix
	immVector               // the 0xfd prefix
	immRefused              // belongs to a refused feature; see refused
	immCallIndex            // an index, and the instruction calls
	immCallIndex2           // two indices, and the instruction calls
)

type opcode struct {
	imm  immediate
	feat feature
}

// opcodes is the table of one-byte opcodes (WebAssembly specification §5.4).
var opcodes = func() (t [256]opcode) {
	set := func(imm immediate, f feature, ops ...int) {
		for _, op := range ops {
			t[op] = opcode{imm, f}
		}
	}
	span := func(imm immediate, f feature, from, to int) {
		for op := from; op <= to; op++ {
			t[op] = opcode{imm, f}
		}
	}
	set(immNone, 0, 0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b)
	set(immBlock, 0, 0x02, 0x03, 0x04)
	set(immIndex, 0, 0x0c, 0x0d, 0x20, 0x21, 0x22, 0x23, 0x24)
	set(immBrTable, 0, 0x0e)
	set(immFunc, 0, 0x10)
	set(immFunc, tailCall, 0x12)
	set(immCallIndex2, 0, 0x11)
	set(immCallIndex2, tailCall, 0x13)
	set(immCallIndex, functionReferences, 0x14, 0x15)
	set(immSelect, referenceTypes, 0x1c)
	set(immTryTable, 0, 0x1f)
	set(immIndex, referenceTypes, 0x25, 0x26)
	span(immMem, 0, 0x28, 0x3e)
	set(immMemIndex, 0, 0x3f, 0x40)
	set(immI32, 0, 0x41)
	set(immI64, 0, 0x42)
	set(immF32, 0, 0x43)
	set(immF64, 0, 0x44)
	span(immNone, 0, 0x45, 0xbf)
	span(immNone, signExtension, 0xc0, 0xc4)
	set(immHeapType, referenceTypes, 0xd0)
	set(immNone, referenceTypes, 0xd1)
	set(immFunc, referenceTypes, 0xd2)
	set(immNone, functionReferences, 0xd4)
	set(immIndex, functionReferences, 0xd5, 0xd6)
	set(immMisc, 0, 0xfc)
	set(immVector, simd, 0xfd)
	for op := range refused {
		t[op] = opcode{imm: immRefused}
	}
	return t
}()

// refused are the opcodes of features that are refused by name.
var refused = map[byte]string{
	0x06: legacyExceptions, 0x07: legacyExceptions, 0x09: legacyExceptions, 0x18: legacyExceptions, 0x19: legacyExceptions,
	0x08: exceptions, 0x0a: exceptions, 0x1f: exceptions,
	0xd3: garbage, 0xfb: garbage,
	0xe0: stackSwitching, 0xe1: stackSwitching, 0xe2: stackSwitching, 0xe3: stackSwitching, 0xe4: stackSwitching,
	0xe5: stackSwitching, 0xe6: stackSwitching,
	0xfe: threads,
}

// Opcodes that rewriting looks at or writes.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opUnreachable  = 0x00
	opNop          = 0x01
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Load      = 0x28
	opI32Load8U    = 0x2d
	opI32Store     = 0x36
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opSelect       = 0x1b
	opI32LtS       = 0x48
	opI32LeU       = 0x4d
	opI32GeS       = 0x4e
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32ShrU      = 0x76
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opMisc         = 0xfc
	opVector       = 0xfd
	miscMemInit    = 8
	miscMemCopy    = 10
	miscMemFill    = 11
	miscTabInit    = 12
	miscTabCopy    = 14
	miscTabGrow    = 15
	miscTabSize    = 16
	miscTabFill    = 17
	vectorConst    = 12
	blockTypeNil   = 0x40
)

// accessSize is the number of bytes that a load or store accesses, from opI32Load on.
var accessSize = [...]byte{4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4}

// operands is the number of operands of an instruction that computes one number of one or two.
var operands = func() (t [256]byte) {
	for op := 0x45; op <= 0xc4; op++ {
		switch {
		case op == 0x45, op == 0x50, op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, op >= 0xa7:
			t[op] = 1
		default:
			t[op] = 2
		}
	}
	t[0xd1] = 1 // ref.is_null
	return t
}()

// trapping says whether such an instruction can trap: a division, or a truncation of a float.
func trapping(op byte) bool {
	return op >= 0x6d && op <= 0x70 || op >= 0x7f && op <= 0x82 || op >= 0xa8 && op <= 0xab || op >= 0xae && op <= 0xb1
}

// noteMiscOp is the table of opcodes behind the 0xfc prefix; memory indices in it are bytes that are zero.
var misc = [...]struct {
	indices, memories int
	feat              feature
}{
	0: {0, 0, saturatingConversion}, 1: {0, 0, saturatingConversion}, 2: {0, 0, saturatingConversion},
	3: {0, 0, saturatingConversion}, 4: {0, 0, saturatingConversion}, 5: {0, 0, saturatingConversion},
	6: {0, 0, saturatingConversion}, 7: {0, 0, saturatingConversion},
	8: {1, 1, bulkMemory}, 9: {1, 0, bulkMemory}, 10: {0, 2, bulkMemory}, 11: {0, 1, bulkMemory},
	12: {2, 0, bulkMemory}, 13: {1, 0, bulkMemory}, 14: {2, 0, bulkMemory},
	15: {1, 0, referenceTypes}, 16: {1, 0, referenceTypes}, 17: {1, 0, referenceTypes},
}

// vectorImmediate is the table of opcodes behind the 0xfd prefix: whether a memory argument follows, and how many bytes.
func vectorImmediate(op uint32) (mem bool, bytes int) {
	switch {
	case op <= 11, op == 92, op == 93:
		return true, 0
	case op == 12, op == 13:
		return false, 16
	case op >= 21 && op <= 34:
		return false, 1
	case op >= 84 && op <= 91:
		return true, 1
	}
	return false, 0
}
