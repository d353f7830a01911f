//go:build !((linux || darwin || freebsd || netbsd || openbsd) && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

// mapStack makes the memory of a stack. It is of Go's heap, where untouched pages take no memory until it is used again.
func mapStack(size int) ([]byte, error) { return make([]byte, size), nil }

func unmapStack([]byte) {}

func emptyStack([]byte) {}
