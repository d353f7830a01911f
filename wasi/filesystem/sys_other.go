//go:build !linux

package filesystem

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// Systems other than Linux use what os.Root offers everywhere. Between two open folders nothing can be renamed or linked
// there, and times are set by path only.

const (
	nonBlock      = 0
	openDirectory = 0
	dataSync      = syscall.O_SYNC
)

func (d *Descriptor) openNoFollow(path string, mode int) (*os.File, error) {
	if info, err := d.root.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, failed(CodeLoop)
	}
	return d.root.OpenFile(path, mode, 0o666)
}

func (d *Descriptor) link(_ bool, oldPath string, to *Descriptor, newPath string) error {
	if d.root != to.root {
		return failed(CodeCrossDevice)
	}
	return d.root.Link(oldPath, newPath)
}

func (d *Descriptor) rename(oldPath string, to *Descriptor, newPath string) error {
	if d.root != to.root {
		return failed(CodeCrossDevice)
	}
	return d.root.Rename(oldPath, newPath)
}

func (d *Descriptor) unlink(path string) error {
	info, err := d.info(false, path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return failed(CodeIsDirectory)
	case strings.HasSuffix(path, "/"):
		return failed(CodeNotDirectory)
	}
	return d.root.Remove(path)
}

func (d *Descriptor) rmdir(path string) error {
	info, err := d.info(false, path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return failed(CodeNotDirectory)
	}
	return d.root.Remove(path)
}

func (d *Descriptor) setTimes(accessed, modified time.Time) error {
	if d.root == nil {
		return failed(CodeUnsupported)
	}
	return d.root.Chtimes(".", accessed, modified)
}

func (d *Descriptor) setTimesNoFollow(path string, accessed, modified time.Time) error {
	if info, err := d.info(false, path); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return failed(CodeUnsupported)
	}
	return d.root.Chtimes(path, accessed, modified)
}

func (d *Descriptor) advise(int64, int64, Advice) error { return nil }

func (d *Descriptor) syncData() error { return d.file.Sync() }

func (f *file) appendAll(p []byte) error { return appendAtEnd(f.File, p) }

func (s *Stat) fill(fs.FileInfo) {}

func identity(info fs.FileInfo) (device, inode uint64) { return 0, uint64(info.ModTime().UnixNano()) }
