//go:build unix

package core

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checksModes says that permission bits tell who can write.
const checksModes = true

// foreign says why what is at a path may be somebody else's work; empty if nobody but this process's user can write to it. A folder that
// holds ours may be the system's, and one that everybody can write to but where nobody can replace what is another's.
func foreign(info fs.FileInfo, holdsOurs bool) string {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "does not say whose it is"
	}
	if me := os.Geteuid(); int(sys.Uid) != me && !(holdsOurs && sys.Uid == 0) {
		return fmt.Sprintf("belongs to user %d, and this process is user %d's", sys.Uid, me)
	}
	if info.Mode().Perm()&0o022 != 0 && !(holdsOurs && info.Mode()&fs.ModeSticky != 0) {
		return fmt.Sprintf("can be written to by others (mode %04o)", info.Mode().Perm())
	}
	return ""
}
