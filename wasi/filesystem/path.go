package filesystem

import (
	"path"
	"strings"
)

// checkPath refuses what is no path below a directory. Whether ".." and links stay below is for os.Root to find out.
func checkPath(p string) error {
	switch {
	case p == "":
		return failed(CodeNoEntry)
	case strings.IndexByte(p, 0) >= 0:
		return failed(CodeInvalid)
	case strings.HasPrefix(p, "/"):
		return failed(CodeNotPermitted)
	}
	return sayable(p)
}

// split cuts a path into the folder that holds its last name and that name. Trailing slashes are dropped; slash says
// that there were some, so that the name must be a directory's.
func split(p string) (dir, name string, slash bool, err error) {
	if err := checkPath(p); err != nil {
		return "", "", false, err
	}
	trimmed := strings.TrimRight(p, "/")
	slash = trimmed != p
	i := strings.LastIndexByte(trimmed, '/')
	dir, name = ".", trimmed[i+1:]
	if i >= 0 {
		dir = trimmed[:i]
	}
	if name == "." || name == ".." {
		return "", "", false, failed(CodeInvalid)
	}
	return dir, name, slash, nil
}

// checkTarget refuses the contents of a symbolic link at p that would lead out: an absolute path, or more ".." than
// there are folders. Following a link is safe whatever it holds; this keeps guests from leaving traps for others.
func checkTarget(target, p string) error {
	switch {
	case target == "":
		return failed(CodeNoEntry)
	case strings.IndexByte(target, 0) >= 0:
		return failed(CodeInvalid)
	case strings.HasPrefix(target, "/"):
		return failed(CodeNotPermitted)
	}
	if err := sayable(target); err != nil {
		return err
	}
	dir := path.Dir(strings.TrimRight(p, "/"))
	if at := path.Join(dir, target); at == ".." || strings.HasPrefix(at, "../") {
		return failed(CodeNotPermitted)
	}
	return nil
}
