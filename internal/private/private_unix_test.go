//go:build unix

package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// What is another user's is not trusted, whatever its permissions are; the system's folders may be around ours.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if why := Foreign(owned{info, os.Geteuid()}); why != "" {
		t.Error(why)
	}
	if why := Foreign(owned{info, os.Geteuid() + 1}); !strings.Contains(why, "belongs to user") {
		t.Error(why)
	}
	if why := foreign(owned{info, 0}, systems|sticky); why != "" {
		t.Error(why)
	}
	for user, good := range map[int]bool{0: true, os.Geteuid(): true, os.Geteuid() + 1: false} {
		if why := Trusted(owned{info, user}); (why == "") != good {
			t.Errorf("user %d: %s", user, why)
		}
	}
	for _, mode := range []fs.FileMode{0o770, 0o777, 0o777 | fs.ModeSticky} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if info, err = os.Stat(dir); err != nil || Trusted(info) == "" {
			t.Errorf("%v: %v, trusted", mode, err)
		}
	}
}

// A root, and a folder in it, are refused where others can write to them, or to what is around the root without being sticky.
func TestRoot(t *testing.T) {
	var untrusted *Error
	for _, c := range []struct {
		around, root fs.FileMode
		good         bool
	}{
		{0o700, 0o700, true}, {0o755, 0o755, true}, {0o777 | fs.ModeSticky, 0o700, true},
		{0o777, 0o700, false}, {0o700, 0o777, false}, {0o700, 0o770, false},
	} {
		around := filepath.Join(t.TempDir(), "around")
		root := filepath.Join(around, "root")
		if err := os.MkdirAll(root, 0o700); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]fs.FileMode{around: c.around, root: c.root} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Root(root); c.good && err != nil || !c.good && !errors.As(err, &untrusted) {
			t.Errorf("%v in %v: %v", c.root, c.around, err)
		}
	}
	root, err := Root(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(root, "c")
	for range 2 {
		if err := Folder(in); err != nil {
			t.Error(err)
		}
	}
	if err := os.Chmod(in, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Folder(in); !errors.As(err, &untrusted) || untrusted.Path != in {
		t.Error(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := Folder(link); !errors.As(err, &untrusted) || !strings.Contains(err.Error(), "is no folder") {
		t.Error(err)
	}
}
