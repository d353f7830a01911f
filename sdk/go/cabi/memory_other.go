//go:build !wasip1

package cabi

// InComponent says whether there is a host behind imports.
const InComponent = false

// emulated stands for a component's memory.
var emulated = make([]byte, 16+64<<10)

//go:nosplit
func firstRegion() (base, size uint32) { return 16, 64 << 10 }

func moreRegion(size uint32) uint32 {
	base := (len(emulated) + 15) &^ 15
	emulated = append(emulated, make([]byte, base-len(emulated)+int(size))...)
	return uint32(base)
}

// memory is n bytes at an address.
func memory(at, n uint32) []byte { return emulated[at : at+n] }

// address is that of a copy, which lasts as long as the emulated memory.
func (b *Buffer) address() uint32 { return moreRegion(uint32(8 * len(b.words))) }
