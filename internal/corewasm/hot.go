package corewasm

// An engine keeps no value in a register across a call, so that a loop with a fuel check in it, which calls, loads and stores its
// variables in every iteration. Most of the time of computing guests goes by in innermost loops that call nothing, so those count in a
// local and have their check in a loop around them, which is entered again only when the fuel is used up:
//
//	fuel := $fuel - 1
//	loop $outer
//	  if fuel < 0 { $fuel = fuel; fuel = check(fuel); $fuel = fuel }
//	  loop $hot
//	    ... a branch to $hot is: fuel -= 1; if fuel < 0 { branch to $outer }; branch to $hot
//	    ... before a branch out of $hot, a return and an unreachable: $fuel = fuel
//	  end
//	  $fuel = fuel
//	end
//
// The fuel is that of a check at the loop's head, to the unit. If an instruction other than unreachable traps in the loop, what it has used since
// its beginning or its last check is not counted.

// The number of bytes of a hot loop's body: a shorter one does no work that is worth it, and a longer one costs so much that its check does
// not matter. An iteration has the weight 1, because that is less than weightUnit.
const (
	minHotSize = 12
	maxHotSize = 512
)

// cool says that the innermost loop is none that counts in a local: it calls, has a loop in it, branches by a table, or takes time that has to be
// charged while it runs.
func (b *bodyScan) cool() {
	if b.hot < 0 {
		return
	}
	edits := b.found.edits
	kept := b.blocks[b.hot].edit + 1
	for _, e := range edits[kept:] {
		if e.kind < editHead {
			edits[kept] = e
			kept++
		}
	}
	b.found.edits = edits[:kept]
	b.hot = -1
}

// endHot ends the innermost loop, which may be hot.
func (b *bodyScan) endHot(block *openBlock) {
	if size := b.pos - block.start; size < minHotSize || size > maxHotSize || b.locals+2 > maxLocals {
		b.cool()
		return
	}
	s := b.found
	branches := 0
	for _, e := range s.edits[block.edit:] {
		switch e.kind {
		case editBack, editLeaveIf:
			branches++
		case editBackIf:
			branches += 2
		}
	}
	b.hot = -1
	s.hot = true
	s.edits[block.edit] = edit{pos: block.at, del: block.start - block.at, kind: editHead}
	s.edits = append(s.edits, edit{pos: b.pos, kind: editEnd})
	b.shape.blocks += 1 + branches
}

// jump notes a branch to label i, which takes arity values: a br or a br_if.
func (b *bodyScan) jump(op byte, at int, i uint64, arity int) {
	if b.hot < 0 {
		return
	}
	e := edit{pos: at, del: b.pos - at, arg: uint32(i)}
	switch depth := uint64(len(b.blocks) - 1 - b.hot); {
	case i < depth:
		return
	case op == opBrIf && arity > 0:
		b.cool() // an if would hide the values
		return
	case i == depth && op == opBr:
		e.kind = editBack
	case i == depth:
		e.kind = editBackIf
	case op == opBr:
		e.kind = editLeave
	default:
		e.kind = editLeaveIf
	}
	b.found.edits = append(b.found.edits, e)
}

// leave notes a return or an unreachable.
func (b *bodyScan) leave(at int) {
	if b.hot >= 0 {
		b.found.edits = append(b.found.edits, edit{pos: at, kind: editWrite})
	}
}

// hotHead writes the heads of the loop around a hot loop and of the hot loop; head is the latter.
func (w *writer) hotHead(b []byte, local uint32, head []byte) []byte {
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = append(b, opI32Const, 1, opI32Sub)
	b = appendU32(append(b, opLocalSet), local)
	b = append(b, head...)
	b = appendU32(append(b, opLocalGet), local)
	b = append(b, opI32Const, 0, opI32LtS, opIf, blockTypeNil)
	b = appendU32(append(b, opLocalGet), local)
	b = appendU32(append(b, opGlobalSet), w.fuel) // the host reads it
	b = appendU32(append(b, opLocalGet), local)
	b = appendU32(append(b, opCall), uint32(w.m.nImports.funcs))
	b = appendU32(append(b, opLocalTee), local)
	b = appendU32(append(b, opGlobalSet), w.fuel)
	return append(append(b, opEnd), head...)
}

// hotBack writes a branch to the hot loop, which is label; the loop around it is the next one.
func (w *writer) hotBack(b []byte, local, label uint32) []byte {
	b = appendU32(append(b, opLocalGet), local)
	b = append(b, opI32Const, 1, opI32Sub)
	b = appendU32(append(b, opLocalTee), local)
	b = append(b, opI32Const, 0, opI32LtS, opIf, blockTypeNil)
	b = append(appendU32(append(b, opBr), label+2), opEnd)
	return appendU32(append(b, opBr), label)
}

// hotLeave writes what comes before a hot loop is left.
func (w *writer) hotLeave(b []byte, local uint32) []byte {
	b = appendU32(append(b, opLocalGet), local)
	return appendU32(append(b, opGlobalSet), w.fuel)
}
