//go:build !linux && !darwin && !freebsd

package filesystem

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// Windows and untested systems use only os.Root, which cannot rename or link between two open folders.

const (
	nonBlock     = 0
	dataSync     = syscall.O_SYNC // there is no O_DSYNC
	syncsFolders = false          // Windows requires them to be open for writing
)

// refine distinguishes a file in the place of a folder from a missing folder, for which Windows has the same error.
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

// last fails with dot for a path to a folder whose last name is "." or "..".
func (d *Descriptor) last(path string, dot Code) error {
	_, name, _, err := split(path)
	if err == nil && isDots(name) {
		if _, err = d.root.Stat(path); err == nil {
			err = failed(dot)
		}
	}
	return err
}

// same fails for paths below two different folders, which os.Root does not support.
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
		return to.nameTaken(newPath)
	}
	linksMu.Lock()
	defer linksMu.Unlock()
	if err := d.checkMove(oldPath, newPath); err != nil {
		return err
	}
	return d.root.Link(oldPath, newPath)
}

func (d *Descriptor) rename(oldPath string, to *Descriptor, newPath string) error {
	if err := d.same(to, oldPath, newPath, "busy"); err != nil {
		return err
	}
	linksMu.Lock()
	defer linksMu.Unlock()
	if err := d.checkMove(oldPath, newPath); err != nil {
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

// advise does nothing: these systems have no such call.
func (d *Descriptor) advise(_, _ int64, a Advice) error {
	if a > AdviceNoReuse {
		return failed(CodeInvalid)
	}
	return nil
}

func (d *Descriptor) syncData() error { return d.file.Sync() }

func (f *file) appendAll(p []byte) error { return appendAtEnd(f.File, p) }
