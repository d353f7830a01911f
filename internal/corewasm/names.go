package corewasm

import "strconv"

// readNames reads the function names of a name section; malformed parts are ignored, as the specification asks.
func readNames(b []byte) map[uint32]string {
	names := map[uint32]string{}
	r := &reader{b: b}
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		size := r.u32()
		if int64(size) > int64(r.left()) {
			break
		}
		s := &reader{b: r.bytes(int(size))}
		if id != 1 {
			continue
		}
		for n := s.count("names", maxFuncs); n > 0; n-- {
			i, name := s.u32(), s.name()
			if s.err != nil {
				break
			}
			names[i] = name
		}
	}
	return names
}

// appendNames writes a name section that names every defined function by the module's own name section, else by an export,
// else by its index in the original module: stack traces would show the indices that rewriting has changed.
func (m *module) appendNames(b []byte, shift func(uint32) uint32, start int64) []byte {
	exported := map[uint32]string{}
	for _, x := range m.exports {
		if x.Desc.Sort == sortFunc && exported[x.Index] == "" {
			exported[x.Index] = x.Name
		}
	}
	n := len(m.bodies)
	if start >= 0 {
		n++
	}
	if n == 0 {
		return b
	}
	b, _ = appendSectionOf(b, 0, func(b []byte) ([]byte, bool) {
		return appendSectionOf(appendName(b, "name"), 1, func(b []byte) ([]byte, bool) {
			b = appendU32(b, uint32(n))
			for i := range m.bodies {
				f := uint32(m.nImports.funcs + i)
				name := m.names[f]
				if name == "" {
					name = exported[f]
				}
				if name == "" {
					name = "func[" + strconv.Itoa(int(f)) + "]"
				}
				b = appendName(appendU32(b, shift(f)), name)
			}
			if start >= 0 {
				b = appendName(appendU32(b, uint32(start)), "start")
			}
			return b, true
		})
	})
	return b
}
