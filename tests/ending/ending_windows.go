package ending

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// Prepare is called before cmd is started, so that Terminate reaches that process alone.
func Prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// Terminate asks a prepared process to end. It does not wait.
func Terminate(p *os.Process) error {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid))
}

// Interrupt is Terminate: Ctrl-C cannot be sent to one process alone, and Go reports Ctrl-Break as the same signal.
func Interrupt(p *os.Process) error { return Terminate(p) }

// Executable is the name of a program's file.
func Executable(name string) string { return name + ".exe" }
