package encode

import (
	"encoding/binary"
	"strconv"

	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// signature is a core function type, comparable.
type signature string

func signatureOf(t *cmbinary.CoreFuncType) signature {
	b := []byte{0x60}
	for _, list := range [][]cmbinary.CoreValType{t.Params, t.Results} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, v := range list {
			b = append(b, byte(v))
		}
	}
	return signature(b)
}

func (s signature) params() int {
	n, _ := binary.Uvarint([]byte(s[1:]))
	return int(n)
}

// slots are the functions that a module gets by way of a table, because what they call can be made only when the module's memory is there.
type slots struct {
	types []signature // of each
}

// add makes a slot.
func (s *slots) add(t signature) (slot int) {
	s.types = append(s.types, t)
	return len(s.types) - 1
}

const imports = "$imports" // the name of the table

// shim is the module with the table and a function "0", "1" … for each slot, which calls what the table has there.
func (s *slots) shim() []byte {
	m := newModule()
	table := tableType(len(s.types))
	var funcs, exports, bodies [][]byte
	for i, t := range s.types {
		index := m.typeOf(t)
		funcs = append(funcs, uleb(index))
		exports = append(exports, cat(text(strconv.Itoa(i)), []byte{0}, uleb(i)))
		body := []byte{0}
		for p := range t.params() {
			body = append(append(body, 0x20), uleb(p)...)
		}
		body = cat(body, []byte{0x41}, sleb(i), []byte{0x11}, uleb(index), []byte{0, 0x0b})
		bodies = append(bodies, cat(uleb(len(body)), body))
	}
	exports = append(exports, cat(text(imports), []byte{1, 0}))
	m.section(3, funcs)
	m.section(4, [][]byte{table})
	m.section(7, exports)
	m.section(10, bodies)
	return m.bytes()
}

// fixup is the module that puts its imports "0", "1" … into the table.
func (s *slots) fixup() []byte {
	m := newModule()
	var list [][]byte
	elems := cat([]byte{0, 0x41, 0, 0x0b}, uleb(len(s.types)))
	for i, t := range s.types {
		list = append(list, cat(text(""), text(strconv.Itoa(i)), []byte{0}, uleb(m.typeOf(t))))
		elems = append(elems, uleb(i)...)
	}
	list = append(list, cat(text(""), text(imports), []byte{1}, tableType(len(s.types))))
	m.section(2, list)
	m.section(9, [][]byte{elems})
	return m.bytes()
}

func tableType(n int) []byte { return cat([]byte{0x70, 1}, uleb(n), uleb(n)) }

// starter is a module whose start function is its import: it has a core instance's function called when the component is made.
func starter() []byte {
	m := newModule()
	m.section(2, [][]byte{cat(text(""), text(""), []byte{0}, uleb(m.typeOf("\x60\x00\x00")))})
	m.raw(8, uleb(0))
	return m.bytes()
}

// module writes a core module. Types are gathered while the other sections are written.
type module struct {
	types map[signature]int
	order [][]byte
	rest  []byte
}

func newModule() *module { return &module{types: map[signature]int{}} }

func (m *module) typeOf(t signature) int {
	i, ok := m.types[t]
	if !ok {
		i = len(m.order)
		m.types[t] = i
		m.order = append(m.order, []byte(t))
	}
	return i
}

func (m *module) section(id byte, entries [][]byte) {
	m.raw(id, cat(uleb(len(entries)), cat(entries...)))
}

func (m *module) raw(id byte, content []byte) {
	m.rest = cat(m.rest, []byte{id}, uleb(len(content)), content)
}

func (m *module) bytes() []byte {
	types := cat(uleb(len(m.order)), cat(m.order...))
	return cat([]byte("\x00asm\x01\x00\x00\x00\x01"), uleb(len(types)), types, m.rest)
}

func cat(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// sleb is a signed number of a count, which is not negative.
func sleb(n int) (b []byte) {
	for n >= 0x40 {
		b = append(b, byte(n)&0x7f|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func text(s string) []byte { return append(uleb(len(s)), s...) }
