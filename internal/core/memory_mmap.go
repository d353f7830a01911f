//go:build (linux || darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// addressRange is a stretch of address space that never moves. Nothing of it can be touched but what was committed, and
// committed pages cost memory only once they are touched.
type addressRange struct {
	all       []byte
	committed int // bytes from the start that can be read and written
	mapped    int // bytes from the start that an image is mapped to
	used      int // bytes from the start that may have been touched since the range was last empty
}

// pooledRange is the size of ranges that are kept for reuse: a whole 32-bit memory. Address space is plentiful, and
// ranges that fit every memory save a system call for each instance.
const pooledRange = 1 << 32

// maxPooled bounds the ranges that are kept for reuse.
const maxPooled = 256

// rangePool hands out ranges and keeps returned ones.
type rangePool struct {
	mu     sync.Mutex
	free   []*addressRange
	closed bool
}

// get returns an empty range of at least size bytes.
func (p *rangePool) get(size uint64) (*addressRange, error) {
	if size > pooledRange {
		return nil, fmt.Errorf("memory of %d bytes", size)
	}
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		r := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return r, nil
	}
	p.mu.Unlock()
	all, err := unix.Mmap(-1, 0, pooledRange, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|mapNoReserve)
	if err != nil {
		return nil, fmt.Errorf("reserve memory: %w", err)
	}
	return &addressRange{all: all}, nil
}

// put takes a range back, emptied.
func (p *rangePool) put(r *addressRange) {
	p.mu.Lock()
	keep := !p.closed && len(p.free) < maxPooled
	p.mu.Unlock()
	if keep && r.clear() == nil {
		p.mu.Lock()
		p.free = append(p.free, r)
		p.mu.Unlock()
		return
	}
	_ = unix.Munmap(r.all) // it cannot fail for a range that was mapped
}

// close gives every pooled range back to the system.
func (p *rangePool) close() {
	p.mu.Lock()
	free := p.free
	p.free, p.closed = nil, true
	p.mu.Unlock()
	for _, r := range free {
		_ = unix.Munmap(r.all)
	}
}

// commit makes the first size bytes usable and returns them; new ones are zero. Sizes of one use never shrink.
func (r *addressRange) commit(size uint64) ([]byte, error) {
	n := int(size)
	if n > r.committed {
		if err := unix.Mprotect(r.all[r.committed:n], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return nil, fmt.Errorf("commit memory: %w", err)
		}
		r.committed = n
	}
	r.used = max(r.used, n)
	return r.all[:n:n], nil
}

// keepCommitted is how much of an empty range may stay usable. It saves system calls for the next guest of
// usual size, and a wrong bounds check cannot reach far.
const keepCommitted = 16 << 20

// clear drops the contents.
func (r *addressRange) clear() error {
	if err := r.unmapImage(); err != nil {
		return err
	}
	if r.used > 0 {
		if err := dropPages(r.all[:r.used]); err != nil {
			return err
		}
		r.used = 0
	}
	if r.committed > keepCommitted {
		if err := unix.Mprotect(r.all[keepCommitted:r.committed], unix.PROT_NONE); err != nil {
			return err
		}
		r.committed = keepCommitted
	}
	return nil
}

// newBlock makes memory that moves when it grows, for where address space is scarce and a range of the memory's maximum would take too
// much. It is not of Go's heap: Go ends the process when its heap cannot grow.
func newBlock(size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	if !addressSpace(size) {
		return nil, unix.ENOMEM
	}
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("map memory: %w", err)
	}
	return b, nil
}

func freeBlock(b []byte) {
	if len(b) > 0 {
		_ = unix.Munmap(b[:len(b):len(b)]) // it was mapped
	}
}

// spareSpace is reserved for Go's heap whatever a guest asks for: Go ends the process when its heap cannot grow.
const spareSpace = 96 << 20

// addressSpace says whether the process may have n bytes more, with some to spare.
func addressSpace(n uint64) bool {
	if !addressLimited() {
		return true
	}
	if n > 1<<46 {
		return false
	}
	// Both limits count what can be written to: that of address space all of it, that of memory only private mappings.
	b, err := unix.Mmap(-1, 0, int(n)+spareSpace, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|mapNoReserve)
	if err != nil {
		return false
	}
	_ = unix.Munmap(b)
	return true
}
