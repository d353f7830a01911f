package sockets

import "golang.org/x/sys/unix"

const (
	tcpKeepIdle  = unix.TCP_KEEPIDLE
	bufferFactor = 2 // Linux doubles the value for its own bookkeeping (socket(7))
)

func cloexecSocket(domain, kind int) (handle, error) {
	return unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
}
