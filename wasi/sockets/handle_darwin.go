package sockets

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tcpKeepIdle  = unix.TCP_KEEPALIVE // its name for the same
	bufferFactor = 1
)

// cloexecSocket holds off a fork until the socket is marked, as the system cannot do both at once.
func cloexecSocket(domain, kind int) (handle, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	h, err := unix.Socket(domain, kind, 0)
	if err == nil {
		unix.CloseOnExec(h)
	}
	return h, err
}
