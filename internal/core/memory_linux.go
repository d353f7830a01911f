//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "golang.org/x/sys/unix"

const mapNoReserve = unix.MAP_NORESERVE

// dropPages gives the pages back to the system; they read as zero afterwards.
func dropPages(b []byte) error { return unix.Madvise(b, unix.MADV_DONTNEED) }

// emptyStack gives the pages of a stack back to the system.
func emptyStack(b []byte) { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

// smallPages keeps the first write to a stack from taking two megabytes of it.
func smallPages(b []byte) { _ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) }
