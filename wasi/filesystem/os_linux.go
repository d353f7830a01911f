package filesystem

import (
	"io/fs"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	openFolder = unix.O_PATH // needs no permission to read
	dataSync   = unix.O_DSYNC
	utimeOmit  = unix.UTIME_OMIT // leaves a time unchanged
)

// linkFollowed links the file that oldPath leads to. os.Root follows the path, as linkat would follow links out of the
// folder; then the open file is linked by its descriptor.
func (d *Descriptor) linkFollowed(oldPath string, place func(oldDir int, oldName string, flags int) error) error {
	f, err := d.root.OpenFile(oldPath, unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return on(f, func(fd int) error {
		return place(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_SYMLINK_FOLLOW)
	})
}

func (d *Descriptor) setTimes(accessed, modified time.Time) error {
	ts, err := timespecs(accessed, modified)
	if err != nil {
		return err
	}
	return on(d.file.File, func(fd int) error {
		err := unix.UtimesNanoAt(fd, "", ts, unix.AT_EMPTY_PATH)
		if err == unix.EINVAL || err == unix.ENOENT { // kernels before 5.8 accept no empty path here
			err = unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), ts, 0)
		}
		return err
	})
}

func (d *Descriptor) advise(at, n int64, a Advice) error {
	advice, ok := map[Advice]int{
		AdviceNormal: unix.FADV_NORMAL, AdviceSequential: unix.FADV_SEQUENTIAL, AdviceRandom: unix.FADV_RANDOM,
		AdviceWillNeed: unix.FADV_WILLNEED, AdviceDontNeed: unix.FADV_DONTNEED, AdviceNoReuse: unix.FADV_NOREUSE,
	}[a]
	if !ok {
		return failed(CodeInvalid)
	}
	return on(d.file.File, func(fd int) error { return unix.Fadvise(fd, at, n, advice) })
}

func (d *Descriptor) syncData() error {
	return on(d.file.File, func(fd int) error { return retry(func() error { return unix.Fdatasync(fd) }) })
}

// appendAll appends, atomically if kernel and file system support it.
func (f *file) appendAll(p []byte) error {
	return on(f.File, func(fd int) error {
		for len(p) > 0 {
			n, err := unix.Pwritev2(fd, [][]byte{p}, 0, unix.RWF_APPEND)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EOPNOTSUPP || err == unix.ENOSYS: // an old kernel or a file system without it
				return appendAtEnd(f.File, p)
			case err != nil:
				return err
			}
			p = p[n:]
		}
		return nil
	})
}

func (s *Stat) fill(info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Links = uint64(st.Nlink)
		s.Accessed = time.Unix(st.Atim.Unix())
		s.Change = time.Unix(st.Ctim.Unix())
	}
}
