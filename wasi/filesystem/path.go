package filesystem

import "strings"

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
// that there were some, so that the name must be a directory's. The name may be "." or "..".
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
	return dir, name, slash, nil
}

// dots says that a name is of every folder, and no entry of the one that holds it.
func dots(name string) bool { return name == "." || name == ".." }
