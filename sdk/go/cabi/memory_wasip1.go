package cabi

import (
	"unsafe"
)

// InComponent says whether there is a host behind imports.
const InComponent = true

var (
	// permanent is for what is asked for before Go has initialised its packages: that is the adapter of WASI 0.1, which keeps it.
	permanent [256 << 10]byte
	taken     uintptr
	ready     bool
	region    [64 << 10]byte
)

func init() { ready = true }

// sbrk is how Go's runtime has memory grow, which does not expect others to.
//
//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

//go:nosplit
func firstRegion() (base, size uint32) {
	return uint32(uintptr(unsafe.Pointer(&region))), uint32(len(region))
}

//go:nosplit
func moreRegion(size uint32) uint32 {
	p := sbrk(uintptr(size))
	if p == nil {
		panic("cabi: out of memory")
	}
	return uint32(uintptr(p))
}

// realloc is called by the host alone.
//
//go:nosplit
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return pointer(align)
	}
	var p unsafe.Pointer
	if ready {
		p = pointer(receive(size, align))
	} else {
		base := uintptr(unsafe.Pointer(&permanent))
		at := (base+taken+uintptr(align)-1)&^(uintptr(align)-1) - base
		if taken = at + uintptr(size); taken > uintptr(len(permanent)) {
			panic("cabi: too much is allocated before the component is initialised")
		}
		p = unsafe.Pointer(&permanent[at])
	}
	copy(unsafe.Slice((*byte)(p), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	Release(uint32(uintptr(old)), oldSize)
	return p
}

//go:nosplit
func pointer(at uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), uintptr(at)) }

// memory is n bytes at an address.
func memory(at, n uint32) []byte { return unsafe.Slice((*byte)(pointer(at)), n) }

func (b *Buffer) address() uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b.words)))) }
