package cabi

// room is where values are while they cross: regions of memory, of which the last one is given out from.
type room struct {
	base, size, used uint32
	crossings        int
	allocations      uint64
	kept             uint32 // the address of the largest region but the first, and
	keptSize         uint32 // its size: it is used again when the first is too small
}

var current room

// Gate, where it is set, is called at the begin of each crossing, before anything is in the room. Package async sets it: a goroutine waits there until the
// task that it belongs to may call the host.
var Gate func()

// Serving, where it is set, is called when the host calls a synchronous function that the component exports, and what it returns at its end. Package async sets it: what the
// function wakes
// belongs to other tasks.
var Serving func() (end func())

// Serve begins a call of a synchronous function; bindings call what it returns at its end.
func Serve() (end func()) {
	if Serving == nil {
		return func() {}
	}
	return Serving()
}

// Enter begins a crossing: what is allocated until Leave stays there.
func Enter() {
	if Gate != nil {
		Gate()
	}
	current.crossings++
}

// Allocations counts the calls of Alloc: if there were none, nothing that a crossing passes is in the room.
func Allocations() uint64 { return current.allocations }

// Leave ends a crossing. When it is the last one, the room is empty.
func Leave() {
	current.crossings--
	if current.crossings == 0 {
		current.base, current.size = firstRegion()
		current.used = 0
	}
}

// Alloc gives memory for the current crossing, which may hold anything.
//
//go:nosplit
func Alloc(size, align uint32) uint32 {
	current.allocations++
	if current.size == 0 {
		current.base, current.size = firstRegion()
	}
	at, ok := current.take(size, align)
	if !ok {
		current.grow(size + align)
		at, _ = current.take(size, align)
	}
	return at
}

//go:nosplit
func (r *room) take(size, align uint32) (uint32, bool) {
	at := uint64(r.base) + uint64(r.used) + uint64(align) - 1
	at -= at % uint64(align)
	end := at + uint64(size) - uint64(r.base)
	if end > uint64(r.size) {
		return 0, false
	}
	r.used = uint32(end)
	return uint32(at), true
}

// grow goes on in a larger region. What was given out of the one before stays where it is.
//
//go:nosplit
func (r *room) grow(need uint32) {
	if r.keptSize >= need && r.base != r.kept {
		r.base, r.size, r.used = r.kept, r.keptSize, 0
		return
	}
	size := max(2*r.keptSize, 256<<10)
	for size < need {
		size *= 2
		if size == 0 {
			panic("cabi: a value is larger than memory can be")
		}
	}
	r.base, r.size, r.used = moreRegion(size), size, 0
	r.kept, r.keptSize = r.base, size
}
