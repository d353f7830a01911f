package filesystem

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"unicode/utf8"
)

// Entry is one entry of a directory.
type Entry struct {
	Type Type
	Name string
}

// Entries iterates over a directory.
type Entries struct {
	f    *file
	next []os.DirEntry
}

// ReadDirectory starts an iteration at the beginning, independent of others.
func (d *Descriptor) ReadDirectory() (*Entries, error) {
	if err := d.requireDirectory(); err != nil {
		return nil, err
	}
	f, err := d.quota.open(func() (*os.File, error) { return d.root.Open(".") })
	if err != nil {
		return nil, err
	}
	return &Entries{f: f}, nil
}

// Next returns the next entry, or nil at the end. Names that are not UTF-8, which the interface cannot express, are left out.
func (e *Entries) Next() (*Entry, error) {
	for {
		if len(e.next) == 0 {
			var err error
			if e.next, err = e.f.ReadDir(128); err == io.EOF {
				return nil, nil
			} else if err != nil {
				return nil, failure(err)
			}
		}
		entry := e.next[0]
		e.next = e.next[1:]
		if name := entry.Name(); utf8.ValidString(name) {
			return &Entry{typeOf(entry.Type()), name}, nil
		}
	}
}

// Close ends the iteration.
func (e *Entries) Close() error { return failure(e.f.release()) }

// CreateDirectory makes a directory.
func (d *Descriptor) CreateDirectory(path string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	if err := checkPath(path); err != nil {
		return err
	}
	return failure(d.root.Mkdir(path, 0o777))
}

// Link makes a hard link at newPath below to. Both descriptors must allow changes, as the link gives write access to the file.
func (d *Descriptor) Link(follow bool, oldPath string, to *Descriptor, newPath string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	if err := to.requireMutable(); err != nil {
		return err
	}
	info, err := d.info(follow, oldPath)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return failed(CodeNotPermitted)
	}
	return failure(d.link(follow, oldPath, to, newPath))
}

// Rename moves oldPath to newPath below to.
func (d *Descriptor) Rename(oldPath string, to *Descriptor, newPath string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	if err := to.requireMutable(); err != nil {
		return err
	}
	return failure(d.rename(oldPath, to, newPath))
}

// Symlink makes a symbolic link at newPath with the given target, unless it could lead out of d: see links.go.
func (d *Descriptor) Symlink(target, newPath string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	if err := checkPath(newPath); err != nil {
		return err
	}
	up, err := checkTarget(target)
	if err != nil {
		return err
	}
	if up > 0 {
		linksMu.Lock()
		defer linksMu.Unlock()
	}
	return failure(d.symlink(hostTarget(target), up, newPath))
}

// Readlink returns the target of a symbolic link. It fails for an absolute one, which would disclose a path of the host.
func (d *Descriptor) Readlink(p string) (string, error) {
	if err := d.requireDirectory(); err != nil {
		return "", err
	}
	if err := checkPath(p); err != nil {
		return "", err
	}
	target, err := d.root.Readlink(p)
	absolute := filepath.IsAbs(target) || filepath.VolumeName(target) != ""
	target = guestTarget(target)
	switch {
	case err != nil:
		return "", failure(err)
	case absolute, path.IsAbs(target):
		return "", failed(CodeNotPermitted)
	case !utf8.ValidString(target):
		return "", failed(CodeIllegalBytes)
	}
	return target, nil
}

// Unlink removes a file or link.
func (d *Descriptor) Unlink(path string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	return failure(d.unlink(path))
}

// RemoveDirectory removes an empty directory.
func (d *Descriptor) RemoveDirectory(path string) error {
	if err := d.requireMutable(); err != nil {
		return err
	}
	return failure(d.rmdir(path))
}
