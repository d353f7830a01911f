package filesystem

import "strings"

// checkPath refuses strings that are not relative paths. os.Root bounds ".." and links.
func checkPath(p string) error {
	switch {
	case p == "":
		return failed(CodeNoEntry)
	case strings.IndexByte(p, 0) >= 0:
		return failed(CodeInvalid)
	case strings.HasPrefix(p, "/"):
		return failed(CodeNotPermitted)
	}
	return checkNames(p)
}

// split splits a path into the parent folder and the last name, which may be "." or "..", without trailing slashes. slash
// says that there were some, so that the name must be a directory's.
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

// isDots says whether a name is "." or "..", which is no entry of its folder.
func isDots(name string) bool { return name == "." || name == ".." }
