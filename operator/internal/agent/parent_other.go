//go:build !linux

package agent

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
