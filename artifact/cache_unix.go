//go:build unix

package artifact

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// foreign says why another user may have written what is in a folder of the cache; empty: only this process's user can.
func foreign(info fs.FileInfo) string {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		return fmt.Sprintf("belongs to user %d, and this process is user %d's", sys.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Sprintf("can be written to by others (mode %04o)", info.Mode().Perm())
	}
	return ""
}
