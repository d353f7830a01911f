package sockets

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tcpKeepIdle  = unix.TCP_KEEPALIVE // the same option
	bufferFactor = 1
)

// cloexecSocket prevents a fork before the socket is marked close-on-exec: the system cannot do both at once.
func cloexecSocket(domain, kind int) (handle, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	h, err := unix.Socket(domain, kind, 0)
	if err == nil {
		unix.CloseOnExec(h)
	}
	return h, err
}
