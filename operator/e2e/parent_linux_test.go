package e2e

import "syscall"

// endWithParent has the kernel end a program when this one has died, by which means ever.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
