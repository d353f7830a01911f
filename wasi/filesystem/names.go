package filesystem

import (
	"strings"
	"unicode/utf16"
)

// windowsPath refuses a path that does not mean on Windows what it means to a guest: names between slashes. There a backslash is a
// slash, a colon leads to another drive or to a stream beside the file, a dot or space at the end is dropped, and some names
// are devices wherever they stand. os.Root lets none of these lead out; but two names would be one file, or a file none.
func windowsPath(p string) error {
	if p != "" && (p[0] == '\\' || len(p) > 1 && p[1] == ':') {
		return failed(CodeNotPermitted) // of a drive or share
	}
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "", name == ".", name == "..":
		case !windowsName(name):
			return failed(CodeInvalid)
		case len(utf16.Encode([]rune(name))) > 255:
			return failed("name-too-long")
		}
	}
	return nil
}

// windowsName follows Microsoft's "Naming Files, Paths, and Namespaces".
func windowsName(name string) bool {
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
