//go:build unix

package artifact

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// owned is a folder of another user.
type owned struct {
	fs.FileInfo
	user int
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: uint32(o.user)} }

// A folder of the cache that is another user's is not trusted, whatever its permissions are.
func TestCacheOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if why := foreign(owned{info, os.Geteuid()}); why != "" {
		t.Error(why)
	}
	if why := foreign(owned{info, os.Geteuid() + 1}); !strings.Contains(why, "belongs to user") {
		t.Error(why)
	}
}
