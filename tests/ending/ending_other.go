//go:build !windows

package ending

import (
	"os"
	"os/exec"
	"syscall"
)

// Prepare is called before cmd is started, so that Terminate reaches that process alone.
func Prepare(*exec.Cmd) {}

// Terminate asks a prepared process to end. It does not wait.
func Terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// Interrupt is Terminate with the signal of Ctrl-C.
func Interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

// Executable is the name of a program's file.
func Executable(name string) string { return name }
