package cli

import "golang.org/x/sys/unix"

// keysAtOnce says that singleKeys has each key passed on.
const keysAtOnce = true

// singleKeys has a terminal pass on each key at once and not show it. Its signals and its output stay as they are.
func singleKeys(fd int) (restore func(), ok bool) {
	if owner, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || owner != unix.Getpgrp() {
		return nil, false // a read in the background would stop the process
	}
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, false
	}
	now := *was
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(fd, unix.TCSETS, &now) != nil {
		return nil, false
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, true
}
