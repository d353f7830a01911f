//go:build linux || darwin || freebsd

package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	nonBlock      = unix.O_NONBLOCK
	openDirectory = unix.O_DIRECTORY
	syncsFolders  = true
)

// refine does nothing.
func (d *Descriptor) refine(_ string, err error) error { return err }

// on runs f with the descriptor of file, which stays open meanwhile.
func on(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// retry repeats f while a signal interrupts it.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// at opens the parent folder of path with os.Root, and runs f with it and the last name. The name may be a link, which f must
// not follow. at fails with dot if the name is "." or ".." and the path leads to a folder.
func (d *Descriptor) at(path string, dot Code, f func(dir int, name string, slash bool) error) error {
	dir, name, slash, err := split(path)
	if err != nil {
		return err
	}
	if isDots(name) {
		if _, err := d.root.Stat(path); err != nil {
			return err
		}
		return failed(dot)
	}
	folder := d.file.File
	if dir != "." {
		folder, err = d.root.OpenFile(dir, openFolder|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		defer folder.Close()
	}
	return on(folder, func(fd int) error { return retry(func() error { return f(fd, name, slash) }) })
}

func (d *Descriptor) openNoFollow(path string, mode int) (*os.File, error) {
	if _, name, _, err := split(path); err != nil || isDots(name) { // they are no links
		return d.root.OpenFile(path, mode, 0o666)
	}
	var f *os.File
	err := d.at(path, CodeInvalid, func(dir int, name string, slash bool) error {
		if slash {
			mode |= unix.O_DIRECTORY
		}
		fd, err := unix.Openat(dir, name, mode|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
		if errors.Is(err, unix.ENOTDIR) && mode&unix.O_DIRECTORY != 0 {
			var st unix.Stat_t
			if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
				return unix.ELOOP
			}
		}
		if errors.Is(err, unix.EMLINK) { // FreeBSD's error for a link that may not be followed
			return unix.ELOOP
		}
		if err == nil {
			f = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return f, err
}

// nameTaken is the error of making something other than a directory at a path that ends with a slash.
func taken(dir int, name string) error {
	st, err := lstat(dir, name)
	switch {
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT == unix.S_IFDIR || st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return unix.EEXIST
	}
	return unix.ENOTDIR
}

func lstat(dir int, name string) (st unix.Stat_t, err error) {
	err = retry(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

func (d *Descriptor) link(follow bool, oldPath string, to *Descriptor, newPath string) error {
	up := 0
	place := func(oldDir int, oldName string, flags int) error {
		return to.at(newPath, CodeExist, func(dir int, name string, slash bool) error {
			if slash {
				return taken(dir, name)
			}
			if err := to.below(dir, up); err != nil {
				return err
			}
			return unix.Linkat(oldDir, oldName, dir, name, flags)
		})
	}
	if follow {
		return d.linkFollowed(oldPath, place)
	}
	return d.at(oldPath, CodeNotPermitted, func(dir int, name string, slash bool) error {
		if slash {
			return unix.ENOTDIR
		}
		st, err := lstat(dir, name)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
			return place(dir, name, 0)
		}
		target, err := readlink(dir, name)
		if err != nil {
			return err
		}
		linksMu.Lock()
		defer linksMu.Unlock()
		up = countUps(target)
		return place(dir, name, 0)
	})
}

func (d *Descriptor) rename(oldPath string, to *Descriptor, newPath string) error {
	return d.at(oldPath, "busy", func(oldDir int, oldName string, oldSlash bool) error {
		return to.at(newPath, "busy", func(dir int, name string, slash bool) error {
			st, err := lstat(oldDir, oldName)
			if err != nil {
				return err
			}
			kind := uint32(st.Mode & unix.S_IFMT)
			if (oldSlash || slash) && kind != unix.S_IFDIR {
				return unix.ENOTDIR
			}
			if kind == unix.S_IFDIR || kind == unix.S_IFLNK {
				linksMu.Lock()
				defer linksMu.Unlock()
				if err := d.checkMove(oldPath, oldDir, oldName, kind, to, dir); err != nil {
					return err
				}
			}
			return unix.Renameat(oldDir, oldName, dir, name)
		})
	})
}

func (d *Descriptor) unlink(path string) error {
	return d.at(path, CodeIsDirectory, func(dir int, name string, slash bool) error {
		if slash {
			st, err := lstat(dir, name)
			if err != nil {
				return err
			}
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				return unix.ENOTDIR
			}
			return unix.EISDIR
		}
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EPERM { // POSIX's error for a folder; Linux has EISDIR
			var st unix.Stat_t
			if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
				return unix.EISDIR
			}
		}
		return err
	})
}

func (d *Descriptor) rmdir(path string) error {
	return d.at(path, CodeInvalid, func(dir int, name string, _ bool) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
}

func (d *Descriptor) setTimesNoFollow(path string, accessed, modified time.Time) error {
	ts, err := timespecs(accessed, modified)
	if err != nil {
		return err
	}
	if _, name, slash, err := split(path); err != nil || slash || isDots(name) { // a slash has links followed
		return d.root.Chtimes(path, accessed, modified)
	}
	return d.at(path, CodeInvalid, func(dir int, name string, _ bool) error {
		return unix.UtimesNanoAt(dir, name, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func timespecs(times ...time.Time) ([]unix.Timespec, error) {
	ts := make([]unix.Timespec, len(times))
	for i, t := range times {
		if t.IsZero() {
			ts[i] = unix.Timespec{Nsec: utimeOmit}
			continue
		}
		var err error
		if ts[i], err = unix.TimeToTimespec(t); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

func identity(info fs.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino)
	}
	return 0, 0
}
