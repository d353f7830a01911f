//go:build !((linux || darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

import (
	"errors"
	"math"
)

// addressRange does not exist on systems without enough address space or without mmap: memory is Go's, and moves when it
// grows.
type addressRange struct{}

func (*addressRange) commit(uint64) ([]byte, error) { return nil, nil }

type rangePool struct{}

func (*rangePool) get(uint64) (*addressRange, error) { return nil, nil }
func (*rangePool) put(*addressRange)                 {}
func (*rangePool) close()                            {}

// newBlock makes memory that moves when it grows.
func newBlock(size uint64) ([]byte, error) {
	if size > math.MaxInt {
		return nil, errors.New("it is more than this processor can address")
	}
	return make([]byte, size), nil
}

// growBlock moves the first used bytes to a larger block.
func growBlock(b []byte, used int, size uint64) ([]byte, error) {
	to, err := newBlock(size)
	copy(to, b[:used])
	return to, err
}

func freeBlock([]byte) {}

// addressLimited and addressSpace do not know limits here.
func addressLimited() bool     { return false }
func addressSpace(uint64) bool { return true }
