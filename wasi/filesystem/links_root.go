//go:build !linux && !darwin && !freebsd

package filesystem

import (
	"io/fs"
	"path"
	"strings"
)

// symlink counts by names how far up a link may go: none of them may be a link.
func (d *Descriptor) symlink(target string, up int, newPath string) error {
	if strings.HasSuffix(newPath, "/") {
		return d.taken(newPath)
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

// taken is why nothing can be made at a name with a slash behind it that is no directory.
func (d *Descriptor) taken(newPath string) error {
	info, err := d.info(false, strings.TrimRight(newPath, "/"))
	switch {
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&fs.ModeSymlink != 0:
		return failed(CodeExist)
	}
	return failed(CodeNotDirectory)
}

// depth is how far below d's folder another one lies, if no link is on the way.
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

// mayMove refuses to move a link, or a folder with links in it, to where one would lead out.
func (d *Descriptor) mayMove(oldPath, newPath string) error {
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
		if err == nil && ups(guestTarget(target)) > depth {
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
	return linksStay(folder, depth+1)
}
