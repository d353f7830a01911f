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

// refine has nothing to add.
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

// at opens the folder that holds the last name of path, by os.Root, and runs f with it and the name. The name may be a
// link: f must not follow it.
func (d *Descriptor) at(path string, f func(dir int, name string, slash bool) error) error {
	dir, name, slash, err := split(path)
	if err != nil {
		return err
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
	if _, _, _, err := split(path); err != nil { // "." and ".." are no links
		return d.root.OpenFile(path, mode, 0o666)
	}
	var f *os.File
	err := d.at(path, func(dir int, name string, slash bool) error {
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
		if errors.Is(err, unix.EMLINK) { // FreeBSD's word for a link that may not be followed
			return unix.ELOOP
		}
		if err == nil {
			f = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return f, err
}

func (d *Descriptor) link(follow bool, oldPath string, to *Descriptor, newPath string) error {
	place := func(oldDir int, oldName string, flags int) error {
		return to.at(newPath, func(dir int, name string, slash bool) error {
			if slash {
				return unix.ENOENT
			}
			return unix.Linkat(oldDir, oldName, dir, name, flags)
		})
	}
	if follow {
		return d.linkFollowed(oldPath, place)
	}
	return d.at(oldPath, func(dir int, name string, slash bool) error {
		if slash {
			return unix.ENOTDIR
		}
		return place(dir, name, 0)
	})
}

func (d *Descriptor) rename(oldPath string, to *Descriptor, newPath string) error {
	return d.at(oldPath, func(oldDir int, oldName string, oldSlash bool) error {
		return to.at(newPath, func(dir int, name string, slash bool) error {
			if oldSlash || slash {
				var st unix.Stat_t
				if err := unix.Fstatat(oldDir, oldName, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
					return err
				}
				if st.Mode&unix.S_IFMT != unix.S_IFDIR {
					return unix.ENOTDIR
				}
			}
			return unix.Renameat(oldDir, oldName, dir, name)
		})
	})
}

func (d *Descriptor) unlink(path string) error {
	return d.at(path, func(dir int, name string, slash bool) error {
		if slash {
			var st unix.Stat_t
			if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return err
			}
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				return unix.ENOTDIR
			}
			return unix.EISDIR
		}
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EPERM { // what POSIX has for a folder; Linux says is-directory
			var st unix.Stat_t
			if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
				return unix.EISDIR
			}
		}
		return err
	})
}

func (d *Descriptor) rmdir(path string) error {
	return d.at(path, func(dir int, name string, _ bool) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
}

func (d *Descriptor) setTimesNoFollow(path string, accessed, modified time.Time) error {
	ts, err := timespecs(accessed, modified)
	if err != nil {
		return err
	}
	if _, _, _, err := split(path); err != nil {
		return d.root.Chtimes(path, accessed, modified)
	}
	return d.at(path, func(dir int, name string, _ bool) error {
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
