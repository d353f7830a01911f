package errno

import "syscall"

func posix(e syscall.Errno) syscall.Errno { return posixOfWindows(e) }
