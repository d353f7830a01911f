package compose

import (
	"encoding/binary"

	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// nameSection is the custom section that names the parts, by which boundaries and traces name them (Binary.md, Name Section).
func (c *composer) nameSection() []byte {
	content := text(nil, "component-name")
	for _, sort := range []struct {
		cmbinary.Sort
		byte
	}{{cmbinary.SortComponent, 0x04}, {cmbinary.SortInstance, 0x05}} {
		var n uint64
		var all []byte
		for _, e := range c.named {
			if e.Sort == sort.Sort {
				n++
				all = text(binary.AppendUvarint(all, uint64(e.Index)), e.name)
			}
		}
		sub := binary.AppendUvarint([]byte{sort.byte}, n)
		sub = append(sub, all...)
		content = append(binary.AppendUvarint(append(content, 1), uint64(len(sub))), sub...)
	}
	return append(binary.AppendUvarint([]byte{0}, uint64(len(content))), content...)
}

// text appends a text with its length.
func text(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
