package agent

import "syscall"

// endWithParent has the kernel end the engine when the agent has died: nobody would know of it any more.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
