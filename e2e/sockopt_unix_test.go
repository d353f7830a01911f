//go:build unix

package e2e

import "syscall"

// smallReceiveBuffer leaves a connection as little room as the system allows.
func smallReceiveBuffer(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1024)
}
