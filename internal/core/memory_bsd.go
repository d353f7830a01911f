//go:build (darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"errors"

	"golang.org/x/sys/unix"
)

// mapNoReserve has no counterpart that all of these systems share; a range without access is not counted by any.
const mapNoReserve = 0

// errKeep says that the range cannot be emptied in place: here MADV_DONTNEED does not guarantee zeroes.
var errKeep = errors.New("pages cannot be dropped")

func dropPages([]byte) error { return errKeep }

// emptyStack lets the system take the pages of a stack back when it wants them.
func emptyStack(b []byte) { _ = unix.Madvise(b, unix.MADV_FREE) }

func smallPages([]byte) {}

// addressLimited is always false here: the limit has another name on each of these systems.
func addressLimited() bool { return false }

// growBlock moves the first used bytes to a larger block.
func growBlock(b []byte, used int, size uint64) ([]byte, error) {
	to, err := newBlock(size)
	if err == nil {
		copy(to, b[:used])
		freeBlock(b)
	}
	return to, err
}

// unmapImage has nothing to do: images are copied here.
func (*addressRange) unmapImage() error { return nil }
