// Package errno reads the error numbers of all systems in one vocabulary, that of POSIX. Windows has numbers of its own for
// what went wrong, two sets of them; those who tell kinds of errors apart need not know.
package errno

import (
	"errors"
	"syscall"
)

// Of gives the system's number in err, as POSIX names it; false if there is none. What POSIX has no name for is given as it
// is. Two names that are one number on some systems are one on all: it is ENOTSUP, not EOPNOTSUPP, and EAGAIN, not
// EWOULDBLOCK.
func Of(err error) (syscall.Errno, bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, false
	}
	return one(posix(e)), true
}

// Is says whether err holds the number.
func Is(err error, number syscall.Errno) bool {
	e, ok := Of(err)
	return ok && e == one(number)
}

func one(e syscall.Errno) syscall.Errno {
	switch e {
	case syscall.EOPNOTSUPP:
		return syscall.ENOTSUP
	case syscall.EWOULDBLOCK:
		return syscall.EAGAIN
	}
	return e
}
