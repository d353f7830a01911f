package filesystem

import "golang.org/x/sys/unix"

// utimeOmit leaves a time unchanged.
const utimeOmit = unix.UTIME_OMIT
