//go:build darwin || freebsd

package filesystem

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	openFolder = unix.O_RDONLY
	dataSync   = syscall.O_SYNC // there is no O_DSYNC
)

// linkFollowed links the file that oldPath leads to. It refuses a path that ends with a symbolic link: an open file cannot be
// linked on these systems, and linkat would follow links out of the folder.
func (d *Descriptor) linkFollowed(oldPath string, place func(oldDir int, oldName string, flags int) error) error {
	info, err := d.root.Lstat(oldPath)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return failed(CodeUnsupported)
	}
	return d.at(oldPath, CodeNotPermitted, func(dir int, name string, slash bool) error {
		if slash {
			return unix.ENOTDIR
		}
		return place(dir, name, 0)
	})
}

// setTimes is exact to the microsecond for files.
func (d *Descriptor) setTimes(accessed, modified time.Time) error {
	if d.root != nil {
		return d.root.Chtimes(".", accessed, modified)
	}
	return on(d.file.File, func(fd int) error {
		var st syscall.Stat_t
		if err := syscall.Fstat(fd, &st); err != nil {
			return err
		}
		was, now := timesOf(&st), []time.Time{accessed, modified}
		tv := make([]unix.Timeval, 2)
		for i, t := range now {
			if t.IsZero() {
				t = was[i]
			}
			tv[i] = unix.NsecToTimeval(t.UnixNano())
		}
		return unix.Futimes(fd, tv)
	})
}

// advise does nothing: these systems have no such call.
func (d *Descriptor) advise(_, _ int64, a Advice) error {
	if a > AdviceNoReuse {
		return failed(CodeInvalid)
	}
	return nil
}

func (d *Descriptor) syncData() error { return d.file.Sync() }

func (f *file) appendAll(p []byte) error { return appendAtEnd(f.File, p) }

func (s *Stat) fill(info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Links = uint64(st.Nlink)
		s.Accessed = timesOf(st)[0]
		s.Change = time.Unix(st.Ctimespec.Unix())
	}
}

// timesOf returns the times of the last access and modification.
func timesOf(st *syscall.Stat_t) [2]time.Time {
	return [2]time.Time{time.Unix(st.Atimespec.Unix()), time.Unix(st.Mtimespec.Unix())}
}
