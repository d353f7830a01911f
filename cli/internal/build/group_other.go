//go:build !unix

package build

import (
	"os/exec"
	"strconv"
)

// Windows has no process groups that a signal reaches; taskkill ends a process with those that it has started.

func group(*exec.Cmd) {}

func tell(cmd *exec.Cmd) error {
	if exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run() == nil {
		return nil
	}
	return cmd.Process.Kill()
}

func kill(*exec.Cmd) {}
