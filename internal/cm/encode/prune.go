package encode

import (
	"encoding/binary"
	"fmt"

	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// prune leaves of the adapter what some of its exports reach. The adapter is ours, so its shape is known: it has functions and globals of its own and
// neither tables, data nor element segments, and its instructions are those of WebAssembly 1.0 and memory.fill.
func prune(wasm []byte, wanted map[string]bool) ([]byte, error) {
	p := &pruner{used: map[int]bool{}, index: map[int]int{}}
	if err := p.read(wasm); err != nil {
		return nil, err
	}
	for _, x := range p.module.Exports {
		if wanted[x.Name] {
			p.reach(int(x.Index))
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.write(wanted), nil
}

// pruner holds the adapter's module.
type pruner struct {
	module   *cmbinary.Module
	sections [13][]byte
	imported []cmbinary.CoreImport // functions
	bodies   [][]byte              // of defined functions
	used     map[int]bool
	index    map[int]int // of a used function in the result
	err      error
}

func (p *pruner) read(wasm []byte) (err error) {
	if p.module, err = cmbinary.DecodeModule(wasm, 0); err != nil {
		return err
	}
	for b := wasm[8:]; len(b) > 0; {
		n, k := binary.Uvarint(b[1:])
		p.sections[b[0]] = b[1+k : 1+k+int(n)]
		b = b[1+k+int(n):]
	}
	for _, i := range p.module.Imports {
		if i.Desc.Sort == cmbinary.SortCoreFunc {
			p.imported = append(p.imported, i)
		}
	}
	code := p.sections[10]
	n, k := binary.Uvarint(code)
	for code = code[k:]; n > 0; n-- {
		size, k := binary.Uvarint(code)
		p.bodies = append(p.bodies, code[k:k+int(size)])
		code = code[k+int(size):]
	}
	return nil
}

// reach marks a function and those that it calls.
func (p *pruner) reach(f int) {
	if p.used[f] {
		return
	}
	p.used[f] = true
	if f >= len(p.imported) {
		p.calls(p.bodies[f-len(p.imported)], func(callee int) []byte {
			p.reach(callee)
			return nil
		})
	}
}

// calls copies a body with what replace gives for the index of each function that it calls.
func (p *pruner) calls(body []byte, replace func(int) []byte) []byte {
	pos := 0
	leb := func() int {
		n, shift := 0, 0
		for {
			b := body[pos]
			pos++
			n |= int(b&0x7f) << shift
			if shift += 7; b&0x80 == 0 {
				return n
			}
		}
	}
	for range leb() { // groups of locals
		leb()
		pos++
	}
	var out []byte
	from := 0
	for pos < len(body) {
		op := body[pos]
		pos++
		switch {
		case op == 0x10: // call
			out = append(out, body[from:pos]...)
			out = append(out, replace(leb())...)
			from = pos
		case op >= 0x02 && op <= 0x04: // block, loop, if
			pos++
		case op == 0x0c, op == 0x0d, op >= 0x20 && op <= 0x24, op == 0x41, op == 0x42: // a number
			leb()
		case op >= 0x28 && op <= 0x3e: // a memory access
			leb()
			leb()
		case op == 0x3f, op == 0x40: // memory.size, memory.grow
			pos++
		case op == 0xfc && body[pos] == 11: // memory.fill
			pos += 2
		case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4:
		default:
			p.err = fmt.Errorf("the adapter has an instruction %#x that is not expected", op)
			return nil
		}
	}
	return append(out, body[from:]...)
}

func (p *pruner) write(wanted map[string]bool) []byte {
	m := newModule()
	for _, t := range p.module.Types {
		m.typeOf(signatureOf(t.Func))
	}
	var list, funcs, exports, bodies [][]byte
	n := 0
	for _, i := range p.module.Imports {
		if i.Desc.Sort != cmbinary.SortCoreFunc {
			list = append(list, cat(text(i.Module), text(i.Field), []byte{2, 0, 0})) // the memory
			continue
		}
		if p.used[n] {
			p.index[n] = len(p.index)
			list = append(list, cat(text(i.Module), text(i.Field), []byte{0}, uleb(int(i.Desc.Type))))
		}
		n++
	}
	for f := n; f < n+len(p.bodies); f++ {
		if p.used[f] {
			p.index[f] = len(p.index)
			funcs = append(funcs, uleb(int(p.module.Funcs[f])))
		}
	}
	for f := n; f < n+len(p.bodies); f++ {
		if p.used[f] {
			body := p.calls(p.bodies[f-n], func(callee int) []byte { return uleb(p.index[callee]) })
			bodies = append(bodies, cat(uleb(len(body)), body))
		}
	}
	for _, x := range p.module.Exports {
		if wanted[x.Name] {
			exports = append(exports, cat(text(x.Name), []byte{0}, uleb(p.index[int(x.Index)])))
		}
	}
	m.section(2, list)
	m.section(3, funcs)
	m.raw(6, p.sections[6])
	m.section(7, exports)
	m.section(10, bodies)
	return m.bytes()
}
