package cabi

// block is memory for what the host passes: of that, live parts have not been taken yet.
type block struct{ base, size, used, live uint32 }

// The blocks, each at least twice as large as the one before, so that there are never many. latest is where memory is given out.
var (
	blocks     [32]block
	blockCount int
	latest     int
)

const firstBlock = 64 << 10

// receive gives memory for a value of the host's, until Release has it back. The host may ask at any time, also between two crossings: it writes the
// result of an asynchronous call when it comes. Like all that cabi_realloc calls it does not look at the goroutine's stack (nosplit), where Go's
// scheduler could step in and read the clock.
//
//go:nosplit
func receive(size, align uint32) uint32 {
	if blockCount > 0 {
		if at, ok := blocks[latest].take(size, align); ok {
			return at
		}
	}
	for i := range blockCount {
		if blocks[i].live == 0 {
			if at, ok := blocks[i].take(size, align); ok {
				latest = i
				return at
			}
		}
	}
	need := uint32(firstBlock)
	if blockCount > 0 {
		need = 2 * blocks[blockCount-1].size
	}
	for need != 0 && need < size+align {
		need *= 2
	}
	if need == 0 || blockCount == len(blocks) {
		panic("cabi: a value is larger than memory can be")
	}
	blocks[blockCount] = block{base: moreRegion(need), size: need}
	latest = blockCount
	blockCount++
	at, _ := blocks[latest].take(size, align)
	return at
}

//go:nosplit
func (b *block) take(size, align uint32) (uint32, bool) {
	at := (uint64(b.base) + uint64(b.used) + uint64(align) - 1) &^ (uint64(align) - 1)
	end := at + uint64(size) - uint64(b.base)
	if end > uint64(b.size) {
		return 0, false
	}
	b.used = uint32(end)
	b.live++
	return uint32(at), true
}

// Release gives back memory that the host has written a value to, which must not be read any more. Other addresses, and those of nothing, are ignored.
//
//go:nosplit
func Release(at, size uint32) {
	if size == 0 {
		return
	}
	for i := range blockCount {
		if b := &blocks[i]; at >= b.base && at-b.base < b.size && b.live > 0 {
			if b.live--; b.live == 0 {
				b.used = 0
			}
			return
		}
	}
}

// Buffer is memory of the program for one value that the host reads or writes while other crossings come and go. It lasts as long as it is referred to.
type Buffer struct {
	words []uint64
	at    uint32
}

// NewBuffer makes a buffer of a size in bytes, aligned to 8, which holds zeros. It is not inlined: where the compiler saw that only an address is taken of it, which
// it does not follow, it would have it on the stack of a goroutine, which moves while the host has the address.
//
//go:noinline
func NewBuffer(size uint32) *Buffer {
	b := &Buffer{words: make([]uint64, max((size+7)/8, 1))}
	b.at = b.address()
	return b
}

// At is the address of the buffer.
func (b *Buffer) At() uint32 { return b.at }

// Objects are the values behind the handles of a resource that the program implements, by their representations, which are never 0.
type Objects[T any] struct {
	values map[uint32]T
	last   uint32
}

// Add gives a value its representation.
func (o *Objects[T]) Add(v T) uint32 {
	if o.values == nil {
		o.values = map[uint32]T{}
	}
	for {
		o.last++
		if _, taken := o.values[o.last]; !taken && o.last != 0 {
			o.values[o.last] = v
			return o.last
		}
	}
}

// Get is the value of a representation.
func (o *Objects[T]) Get(rep uint32) T { return o.values[rep] }

// Take is Get, and forgets the value. It says whether there was one.
func (o *Objects[T]) Take(rep uint32) (T, bool) {
	v, ok := o.values[rep]
	delete(o.values, rep)
	return v, ok
}
