package filesystem

import (
	"strings"
	"unicode/utf16"
)

// checkWindowsPath refuses a path that Windows does not read as names between slashes. There a backslash is a slash, a colon
// selects another drive or a stream of the file, dots and spaces at the end of a name are dropped, and some names are devices
// in every folder. os.Root lets none of these lead out, but two names could be one file.
func checkWindowsPath(p string) error {
	if p != "" && (p[0] == '\\' || len(p) > 1 && p[1] == ':') {
		return failed(CodeNotPermitted) // the root of a drive or share
	}
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "", name == ".", name == "..":
		case !validWindowsName(name):
			return failed(CodeInvalid)
		case len(utf16.Encode([]rune(name))) > 255:
			return failed("name-too-long")
		}
	}
	return nil
}

// validWindowsName implements Microsoft's "Naming Files, Paths, and Namespaces".
func validWindowsName(name string) bool {
	for _, c := range name {
		if c < ' ' || strings.ContainsRune(`<>:"\|?*`, c) {
			return false
		}
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return false
	}
	base, _, _ := strings.Cut(name, ".")
	switch base = strings.ToUpper(strings.TrimRight(base, " ")); base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	for _, port := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, port); ok && len([]rune(n)) == 1 && strings.ContainsAny(n, "0123456789¹²³") {
			return false
		}
	}
	return true
}
