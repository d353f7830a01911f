//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "golang.org/x/sys/unix"

const mapNoReserve = unix.MAP_NORESERVE

// dropPages gives the pages back to the system; they read as zero afterwards.
func dropPages(b []byte) error { return unix.Madvise(b, unix.MADV_DONTNEED) }
