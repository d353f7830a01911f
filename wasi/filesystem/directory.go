package filesystem

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"unicode/utf8"
)

// Entry is one name in a directory.
type Entry struct {
	Type Type
	Name string
}

// Entries reads a directory from its beginning.
type Entries struct {
	f    *file
	next []os.DirEntry
}

// ReadDirectory begins to read the directory. Each reading is independent of the others.
func (d *Descriptor) ReadDirectory() (*Entries, error) {
	if err := d.directory(); err != nil {
		return nil, err
	}
	f, err := d.quota.open(func() (*os.File, error) { return d.root.Open(".") })
	if err != nil {
		return nil, err
	}
	return &Entries{f: f}, nil
}

// Next gives the next entry, or nil at the end. Names that are not Unicode cannot be said in the interface and are left
// out.
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

// Close lets go of it.
func (e *Entries) Close() error { return failure(e.f.release()) }

// CreateDirectory makes a directory.
func (d *Descriptor) CreateDirectory(path string) error {
	if err := d.mutable(); err != nil {
		return err
	}
	if err := checkPath(path); err != nil {
		return err
	}
	return failure(d.root.Mkdir(path, 0o777))
}

// Link makes a hard link at newPath below to. Both sides must be open for changes: a link is a way to write what is linked.
func (d *Descriptor) Link(follow bool, oldPath string, to *Descriptor, newPath string) error {
	if err := d.mutable(); err != nil {
		return err
	}
	if err := to.mutable(); err != nil {
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

// Rename moves what oldPath names to newPath below to.
func (d *Descriptor) Rename(oldPath string, to *Descriptor, newPath string) error {
	if err := d.mutable(); err != nil {
		return err
	}
	if err := to.mutable(); err != nil {
		return err
	}
	return failure(d.rename(oldPath, to, newPath))
}

// Symlink makes a symbolic link at newPath that holds target, unless that could come to lead out of d: see links.go.
func (d *Descriptor) Symlink(target, newPath string) error {
	if err := d.mutable(); err != nil {
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
		linksMove.Lock()
		defer linksMove.Unlock()
	}
	return failure(d.symlink(hostTarget(target), up, newPath))
}

// Readlink gives what a symbolic link holds, unless it is absolute: that would tell the guest about the host.
func (d *Descriptor) Readlink(p string) (string, error) {
	if err := d.directory(); err != nil {
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

// Unlink removes a name that is no directory's.
func (d *Descriptor) Unlink(path string) error {
	if err := d.mutable(); err != nil {
		return err
	}
	return failure(d.unlink(path))
}

// RemoveDirectory removes an empty directory.
func (d *Descriptor) RemoveDirectory(path string) error {
	if err := d.mutable(); err != nil {
		return err
	}
	return failure(d.rmdir(path))
}
