// Package errno gives error numbers of all systems as those of POSIX: Windows has two sets of its own.
package errno

import (
	"errors"
	"syscall"
)

// Of returns the error number in err as POSIX's; false if there is none. A number without one in POSIX is returned
// unchanged. EOPNOTSUPP is returned as ENOTSUP and EWOULDBLOCK as EAGAIN, which are the same number on some systems only.
func Of(err error) (syscall.Errno, bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, false
	}
	return canonical(posix(e)), true
}

// Is says whether err holds the number.
func Is(err error, number syscall.Errno) bool {
	e, ok := Of(err)
	return ok && e == canonical(number)
}

func canonical(e syscall.Errno) syscall.Errno {
	switch e {
	case syscall.EOPNOTSUPP:
		return syscall.ENOTSUP
	case syscall.EWOULDBLOCK:
		return syscall.EAGAIN
	}
	return e
}
