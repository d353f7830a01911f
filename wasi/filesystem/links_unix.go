//go:build linux || darwin || freebsd

package filesystem

import "golang.org/x/sys/unix"

func (d *Descriptor) symlink(target string, up int, newPath string) error {
	return d.at(newPath, CodeExist, func(dir int, name string, slash bool) error {
		if slash {
			return taken(dir, name)
		}
		if err := d.below(dir, up); err != nil {
			return err
		}
		return unix.Symlinkat(target, dir, name)
	})
}

// checkMove refuses to move a link, or a folder that contains links, to where one would lead out.
func (d *Descriptor) checkMove(oldPath string, oldDir int, oldName string, kind uint32, to *Descriptor, dir int) error {
	if same, err := sameFile(oldDir, dir); err != nil || same {
		return err
	}
	depth, err := to.depth(dir)
	if err != nil {
		return err
	}
	if kind == unix.S_IFLNK {
		target, err := readlink(oldDir, oldName)
		if err == nil && countUps(target) > depth {
			err = failed(CodeNotPermitted)
		}
		return err
	}
	if same, err := d.Same(to); err != nil {
		return err
	} else if same {
		if before, err := d.depth(oldDir); err != nil || depth >= before {
			return err
		}
	}
	folder, err := d.root.OpenRoot(oldPath)
	if err != nil {
		return err
	}
	defer folder.Close()
	return checkLinksStay(folder, depth+1)
}

// maxDepth bounds the levels between a folder and one below it.
const maxDepth = 10_000

// below fails if a folder is not at least that many levels below d's.
func (d *Descriptor) below(dir, levels int) error {
	if levels == 0 {
		return nil
	}
	depth, err := d.depth(dir)
	if err == nil && levels > depth {
		err = failed(CodeNotPermitted)
	}
	return err
}

// depth is the number of levels from d's folder down to an open one.
func (d *Descriptor) depth(dir int) (n int, err error) {
	err = on(d.file.File, func(top int) error {
		at := dir
		defer func() {
			if at != dir {
				unix.Close(at)
			}
		}()
		for ; n < maxDepth; n++ {
			if same, err := sameFile(at, top); err != nil || same {
				return err
			}
			up, err := unix.Openat(at, "..", openFolder|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if at != dir {
				unix.Close(at)
			}
			at = up
		}
		return failed(CodeNotPermitted) // it was moved out of d's folder
	})
	return n, err
}

func sameFile(a, b int) (bool, error) {
	var x, y unix.Stat_t
	if err := unix.Fstat(a, &x); err != nil {
		return false, err
	}
	if err := unix.Fstat(b, &y); err != nil {
		return false, err
	}
	return x.Dev == y.Dev && x.Ino == y.Ino, nil
}

func readlink(dir int, name string) (string, error) {
	b := make([]byte, 4096)
	n, err := unix.Readlinkat(dir, name, b)
	return string(b[:max(n, 0)]), err
}
