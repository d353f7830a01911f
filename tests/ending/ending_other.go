//go:build !windows

package ending

import (
	"os"
	"os/exec"
	"syscall"
)

// Prepare is called before cmd is started, so that Ask reaches that process alone.
func Prepare(*exec.Cmd) {}

// Terminate asks a process that was prepared to end. It does not wait.
func Terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// Interrupt is Ask as Ctrl-C does it.
func Interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

// Executable is the name of a program's file.
func Executable(name string) string { return name }
