//go:build unix

package private

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checksModes says that permission bits decide who can write.
const checksModes = true

// foreign says why another user may have written what is at a path; empty if only this process's user can write to it, or others that may.
func foreign(info fs.FileInfo, may whose) string {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "does not say whose it is"
	}
	if me := os.Geteuid(); int(sys.Uid) != me && !(may&systems != 0 && sys.Uid == 0) {
		return fmt.Sprintf("belongs to user %d, and this process is user %d's", sys.Uid, me)
	}
	if info.Mode().Perm()&0o022 != 0 && !(may&sticky != 0 && info.Mode()&fs.ModeSticky != 0) {
		return fmt.Sprintf("can be written to by others (mode %04o)", info.Mode().Perm())
	}
	return ""
}
