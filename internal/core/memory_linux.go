//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"sync"

	"golang.org/x/sys/unix"
)

const mapNoReserve = unix.MAP_NORESERVE

// dropPages gives the pages back to the system; they read as zero afterwards.
func dropPages(b []byte) error { return unix.Madvise(b, unix.MADV_DONTNEED) }

// emptyStack gives the pages of a stack back to the system.
func emptyStack(b []byte) { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

// smallPages keeps the first write to a stack from taking two megabytes of it.
func smallPages(b []byte) { _ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) }

// addressLimited says whether the process has a limit of address space (ulimit -v) or of memory of its own (ulimit -d).
var addressLimited = sync.OnceValue(func() bool {
	for _, what := range []int{unix.RLIMIT_AS, unix.RLIMIT_DATA} {
		var l unix.Rlimit
		if err := unix.Getrlimit(what, &l); err == nil && l.Cur != unix.RLIM_INFINITY {
			return true
		}
	}
	return false
})

// growBlock makes a block larger, of which the first used bytes are kept and the others are zero. It may move; its pages are not copied.
func growBlock(b []byte, used int, size uint64) ([]byte, error) {
	if len(b) == 0 {
		return newBlock(size)
	}
	clear(b[used:])
	if !addressSpace(size - uint64(len(b))) {
		return nil, unix.ENOMEM
	}
	return unix.Mremap(b, int(size), unix.MREMAP_MAYMOVE)
}
