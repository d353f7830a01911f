package corewasm

// constExpr reads a constant expression and returns its bytes with the end opcode. It may refer to the globals that are
// declared before it.
func (m *module) constExpr(r *reader) []byte {
	start := r.pos
	f := &m.used
	for r.err == nil {
		at := r.pos
		switch op := r.byte(); op {
		case opEnd:
			return r.b[start:r.pos:r.pos]
		case opI32Const:
			r.sleb(32)
		case opI64Const:
			r.sleb(64)
		case opF32Const:
			r.bytes(4)
		case opF64Const:
			r.bytes(8)
		case opGlobalGet:
			if i := r.u32(); r.err == nil && int(i) >= len(m.globals) {
				r.pos = at
				r.fail("global %d does not exist", i)
			}
		case opRefNull:
			*f |= referenceTypes
			r.heapType()
		case opRefFunc:
			*f |= referenceTypes
			if i := r.u32(); r.err == nil && int(i) >= len(m.funcs) {
				r.pos = at
				r.fail("function %d does not exist", i)
			}
		case opVector:
			*f |= simd
			if r.byte() != vectorConst {
				r.pos = at
				r.fail("vector instruction in a constant expression")
			}
			r.bytes(16)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			*f |= extendedConst
		case 0xfb:
			r.pos = at
			r.unsupported(garbage)
		default:
			if r.err == nil {
				r.pos = at
				r.fail("opcode 0x%x in a constant expression", op)
			}
		}
	}
	return nil
}

// appendConstExpr writes a constant expression with its function indices renumbered.
func appendConstExpr(b, expr []byte, shift func(uint32) uint32) []byte {
	r := reader{b: expr}
	done := 0
	for r.left() > 0 {
		switch r.byte() {
		case opI32Const, opI64Const:
			r.sleb(64)
		case opF32Const:
			r.bytes(4)
		case opF64Const:
			r.bytes(8)
		case opGlobalGet:
			r.u32()
		case opRefNull:
			r.heapType()
		case opVector:
			r.bytes(17)
		case opRefFunc:
			b = append(b, expr[done:r.pos]...)
			b = appendU32(b, shift(r.u32()))
			done = r.pos
		}
	}
	return append(b, expr[done:]...)
}

// constI32 is the value of an expression that is a single i32.const.
func constI32(expr []byte) (uint32, bool) {
	r := reader{b: expr}
	if r.byte() != opI32Const {
		return 0, false
	}
	v := uint32(r.sleb(32))
	return v, r.byte() == opEnd && r.err == nil && r.left() == 0
}
