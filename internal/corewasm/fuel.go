package corewasm

import "math"

// code writes the code section with the checks in it.
func (w *writer) code(b []byte) []byte {
	m := w.m
	n := len(m.bodies)
	if w.start >= 0 {
		n++
	}
	if w.skeleton {
		s := appendU32(make([]byte, 0, 4*n+8), uint32(n))
		for range n {
			s = append(append(s, byte(len(trapBody))), trapBody...)
		}
		return appendSection(b, 10, s)
	}
	total := 0
	for _, bd := range m.bodies {
		total += len(bd.bytes)
	}
	s := appendU32(make([]byte, 0, total+32*w.res.Checks+16*n), uint32(n))
	var tmp []byte
	for i := range m.bodies {
		first := w.marked()
		tmp = w.body(tmp[:0], i)
		s = appendU32(s, uint32(len(tmp)))
		w.placed(first, len(s))
		s = append(s, tmp...)
	}
	if w.start >= 0 {
		tmp = w.startBody(tmp[:0])
		s = appendU32(s, uint32(len(tmp)))
		s = append(s, tmp...)
	}
	return appendSection(b, 10, s)
}

// body writes function body i.
func (w *writer) body(b []byte, i int) []byte {
	sc := &w.scans[i]
	src := w.m.bodies[i].bytes
	temp := uint32(w.m.params(i)) + sc.count
	hot := temp
	if sc.temp {
		hot++
	}
	bases := hot
	if sc.hot {
		bases++
	}
	folds := w.folder.scan(w.m, i, sc)
	more := byte(bases-temp) + byte(w.folder.used) // locals
	if more > 0 {
		b = appendU32(b, uint32(sc.groups+1))
		b = append(b, src[sc.locals:sc.code]...)
		b = append(b, more, byte(valI32))
	} else {
		b = append(b, src[:sc.code]...)
	}
	w.mark(b, i, sc.code, true)
	if sc.entry {
		b = w.fuelCheck(b, func(b []byte) []byte { return appendI32(append(b, opI32Const), int32(weight(len(src)))) })
	}
	at := sc.code
	for _, e := range sc.edits {
		b, at, folds = w.fold(b, i, at, e.pos, folds, bases)
		w.mark(b, i, at, false)
		b = append(b, src[at:e.pos]...)
		w.mark(b, i, e.pos, true)
		at = e.pos + e.del
		switch e.kind {
		case editFuel:
			b = w.fuelCheck(b, func(b []byte) []byte { return appendI32(append(b, opI32Const), int32(e.arg)) })
		case editFunc:
			b = appendU32(b, w.shift(e.arg))
		case editBulk:
			b = appendU32(append(b, opLocalTee), temp)
			b = w.fuelCheck(b, func(b []byte) []byte {
				b = appendU32(append(b, opLocalGet), temp)
				b = appendI32(append(b, opI32Const), int32(e.arg))
				return append(b, opI32ShrU)
			})
		case editGrow:
			b = w.growthCheck(b, temp, e.arg)
		case editHead:
			b = w.hotHead(b, hot, src[e.pos:at])
		case editBack:
			b = w.hotBack(b, hot, e.arg)
		case editBackIf:
			b = append(w.hotBack(append(b, opIf, blockTypeNil), hot, e.arg+1), opEnd)
		case editLeave:
			b = w.hotLeave(b, hot)
			b = appendU32(append(b, opBr), e.arg+1)
		case editLeaveIf:
			b = w.hotLeave(append(b, opIf, blockTypeNil), hot)
			b = append(appendU32(append(b, opBr), e.arg+2), opEnd)
		case editWrite:
			b = w.hotLeave(b, hot)
		case editEnd:
			b = append(w.hotLeave(b, hot), opEnd)
		}
	}
	b, at, _ = w.fold(b, i, at, len(src), folds, bases)
	w.mark(b, i, at, false)
	return append(b, src[at:]...)
}

// fuelCheck writes a fuel check: fuel -= amount; if fuel < 0 { fuel = check(fuel) }.
func (w *writer) fuelCheck(b []byte, amount func([]byte) []byte) []byte {
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = amount(b)
	b = append(b, opI32Sub)
	b = appendU32(append(b, opGlobalSet), w.fuel)
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = append(b, opI32Const, 0, opI32LtS, opIf, blockTypeNil)
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = appendU32(append(b, opCall), uint32(w.m.nImports.funcs))
	b = appendU32(append(b, opGlobalSet), w.fuel)
	return append(b, opEnd)
}

// growthCheck writes a call of the check function that decides whether a table may grow by n elements; it tells the call from a fuel
// check by n, which is not negative: if n <= max - size { n = check(n) }. The result is n, or -1, by which no table grows.
// The function is not called where the table's own maximum forbids the growth, and an n that does not fit a signed number
// is passed as the largest one, which is refused as well.
func (w *writer) growthCheck(b []byte, temp, table uint32) []byte {
	limit := uint32(math.MaxUint32 - 1) // wazero's own
	if int(table) < len(w.m.tables) && w.m.tables[table].HasMax {
		limit = uint32(min(w.m.tables[table].Max, uint64(limit)))
	}
	b = appendU32(append(b, opLocalTee), temp)
	b = appendI32(append(b, opI32Const), int32(limit))
	b = appendU32(append(b, opMisc, miscTabSize), table)
	b = append(b, opI32Sub, opI32LeU, opIf, blockTypeNil)
	b = appendU32(append(b, opLocalGet), temp)
	b = appendI32(append(b, opI32Const), math.MaxInt32)
	b = appendU32(append(b, opLocalGet), temp)
	b = append(b, opI32Const, 0, opI32GeS, opSelect)
	b = appendU32(append(b, opCall), uint32(w.m.nImports.funcs))
	b = appendU32(append(b, opLocalSet), temp)
	return appendU32(append(b, opEnd, opLocalGet), temp)
}

// startBody writes the function that replaces the start section. A table.copy of a segment's range onto itself traps
// exactly when the segment is out of bounds, and changes nothing.
func (w *writer) startBody(b []byte) []byte {
	b = append(b, 0)
	for _, i := range w.unchecked {
		e := w.m.elems[i]
		for range 2 {
			b = appendConstExpr(b, e.offset, w.shift)
			b = b[:len(b)-1] // the end
		}
		b = appendI32(append(b, opI32Const), int32(e.size()))
		b = appendU32(append(b, opMisc, miscTabCopy), e.table)
		b = appendU32(b, e.table)
	}
	if w.m.start >= 0 {
		b = appendU32(append(b, opCall), w.shift(uint32(w.m.start)))
	}
	return append(b, opEnd)
}
