//go:build !linux && !darwin && !freebsd

package filesystem

import (
	"io/fs"
	"path"
	"strings"
)

// symlink counts the depth by the names of the path, none of which may be a link.
func (d *Descriptor) symlink(target string, up int, newPath string) error {
	if strings.HasSuffix(newPath, "/") {
		return d.nameTaken(newPath)
	}
	if up > 0 {
		depth, err := d.depth(path.Dir(newPath))
		if err != nil {
			return err
		}
		if up > depth {
			return failed(CodeNotPermitted)
		}
	}
	return d.root.Symlink(target, newPath)
}

// nameTaken is the error of making something other than a directory at a path that ends with a slash.
func (d *Descriptor) nameTaken(newPath string) error {
	info, err := d.info(false, strings.TrimRight(newPath, "/"))
	switch {
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&fs.ModeSymlink != 0:
		return failed(CodeExist)
	}
	return failed(CodeNotDirectory)
}

// depth is the number of levels from d's folder down to another one. It fails if there is a link between them.
func (d *Descriptor) depth(folder string) (n int, err error) {
	at := ""
	for name := range strings.SplitSeq(folder, "/") {
		if name == "" || name == "." {
			continue
		}
		at = path.Join(at, name)
		info, err := d.info(false, at)
		switch {
		case err != nil:
			return 0, err
		case name == ".." || !info.IsDir():
			return 0, failed(CodeNotPermitted)
		}
		n++
	}
	return n, nil
}

// checkMove refuses to move a link, or a folder that contains links, to where one would lead out.
func (d *Descriptor) checkMove(oldPath, newPath string) error {
	oldPath, newPath = strings.TrimRight(oldPath, "/"), strings.TrimRight(newPath, "/")
	info, err := d.info(false, oldPath)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink == 0 && !info.IsDir() || path.Dir(oldPath) == path.Dir(newPath) {
		return nil
	}
	depth, err := d.depth(path.Dir(newPath))
	if err != nil {
		return err
	}
	if !info.IsDir() {
		target, err := d.root.Readlink(oldPath)
		if err == nil && countUps(guestTarget(target)) > depth {
			err = failed(CodeNotPermitted)
		}
		return err
	}
	if before, err := d.depth(path.Dir(oldPath)); err == nil && depth >= before {
		return nil
	}
	folder, err := d.root.OpenRoot(oldPath)
	if err != nil {
		return err
	}
	defer folder.Close()
	return checkLinksStay(folder, depth+1)
}
