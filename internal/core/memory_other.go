//go:build !((linux || darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

// addressRange does not exist on systems without enough address space or without mmap: memory is Go's, and moves when it
// grows.
type addressRange struct{}

func (*addressRange) commit(uint64) ([]byte, error) { return nil, nil }

type rangePool struct{}

func (*rangePool) get(uint64) (*addressRange, error) { return nil, nil }
func (*rangePool) put(*addressRange)                 {}
func (*rangePool) close()                            {}
