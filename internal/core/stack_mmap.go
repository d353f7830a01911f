//go:build (linux || darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "golang.org/x/sys/unix"

// mapStack makes the memory of a stack. Untouched pages take no memory.
func mapStack(size int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|mapNoReserve)
	if err == nil {
		smallPages(b)
	}
	return b, err
}

func unmapStack(b []byte) { _ = unix.Munmap(b) } // it cannot fail for what was mapped
