//go:build unix

package build

import (
	"os/exec"
	"syscall"
)

// A command leads a process group of its own, so that a signal reaches the processes that it has started, too. A terminal's Ctrl-C does
// not: vitrine tells the group.

func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func tell(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
