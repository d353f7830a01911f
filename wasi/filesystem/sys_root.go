//go:build !linux && !darwin && !freebsd

package filesystem

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// Windows, and systems that nobody has tried, use what os.Root offers everywhere. Between two open folders nothing can be
// renamed or linked there.

const (
	nonBlock     = 0
	dataSync     = syscall.O_SYNC // which is more
	syncsFolders = false          // Windows would have them open for writing
)

// refine tells a file that stands where a folder should from nothing: Windows has one number for both.
func (d *Descriptor) refine(path string, err error) error {
	if code := failure(err).(*Error).Code; code != CodeNoEntry && code != CodeNotDirectory {
		return err
	}
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		switch info, statErr := d.root.Stat(path[:max(i, 1)]); {
		case statErr != nil:
			return failed(CodeNoEntry)
		case !info.IsDir():
			return failed(CodeNotDirectory)
		}
	}
	return err
}

func (d *Descriptor) openNoFollow(path string, mode int) (*os.File, error) {
	if info, err := d.root.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, failed(CodeLoop)
	}
	return d.root.OpenFile(path, mode, 0o666)
}

// last refuses a path whose last name is no entry of a folder, with the failure dot if it leads to one.
func (d *Descriptor) last(path string, dot Code) error {
	_, name, _, err := split(path)
	if err == nil && dots(name) {
		if _, err = d.root.Stat(path); err == nil {
			err = failed(dot)
		}
	}
	return err
}

// same refuses what os.Root cannot do: paths below two folders.
func (d *Descriptor) same(to *Descriptor, oldPath, newPath string, dot Code) error {
	if err := d.last(oldPath, dot); err != nil {
		return err
	}
	if err := to.last(newPath, dot); err != nil {
		return err
	}
	if d.root != to.root {
		return failed(CodeCrossDevice)
	}
	return nil
}

func (d *Descriptor) link(_ bool, oldPath string, to *Descriptor, newPath string) error {
	if err := d.same(to, oldPath, newPath, CodeExist); err != nil {
		return err
	}
	if strings.HasSuffix(newPath, "/") {
		return to.taken(newPath)
	}
	linksMove.Lock()
	defer linksMove.Unlock()
	if err := d.mayMove(oldPath, newPath); err != nil {
		return err
	}
	return d.root.Link(oldPath, newPath)
}

func (d *Descriptor) rename(oldPath string, to *Descriptor, newPath string) error {
	if err := d.same(to, oldPath, newPath, "busy"); err != nil {
		return err
	}
	linksMove.Lock()
	defer linksMove.Unlock()
	if err := d.mayMove(oldPath, newPath); err != nil {
		return err
	}
	return d.root.Rename(oldPath, newPath)
}

func (d *Descriptor) unlink(path string) error {
	if err := d.last(path, CodeIsDirectory); err != nil {
		return err
	}
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
	if err := d.last(path, CodeInvalid); err != nil {
		return err
	}
	info, err := d.info(false, path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return failed(CodeNotDirectory)
	}
	return d.root.Remove(path)
}

func (d *Descriptor) setTimesNoFollow(path string, accessed, modified time.Time) error {
	switch info, err := d.info(false, path); {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return failed(CodeUnsupported)
	}
	return d.root.Chtimes(path, accessed, modified)
}

// advise has nobody to pass advice to.
func (d *Descriptor) advise(_, _ int64, a Advice) error {
	if a > AdviceNoReuse {
		return failed(CodeInvalid)
	}
	return nil
}

func (d *Descriptor) syncData() error { return d.file.Sync() }

func (f *file) appendAll(p []byte) error { return appendAtEnd(f.File, p) }
