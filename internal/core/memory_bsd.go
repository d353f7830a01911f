//go:build (darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "errors"

// mapNoReserve has no counterpart that all of these systems share; a range without access is not counted by any.
const mapNoReserve = 0

// errKeep says that the range cannot be emptied in place: MADV_DONTNEED does not promise zeroes here.
var errKeep = errors.New("pages cannot be dropped")

func dropPages([]byte) error { return errKeep }

// unmapImage has nothing to do: images are copied here.
func (*addressRange) unmapImage() error { return nil }
