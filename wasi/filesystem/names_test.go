package filesystem

import (
	"strings"
	"testing"
)

func TestWindowsPath(t *testing.T) {
	for want, paths := range map[Code][]string{
		"ok": {"a", "a/b.txt", "a/../b/./c", "a//b/", "..", ".hidden", "a..b", "été", "a b", "COM10", "console", "NULL", "com", "nul_", "~$x",
			strings.Repeat("é", 255) + "/" + strings.Repeat("x", 255)},
		CodeNotPermitted: {`\x`, `\\server\share`, "C:", "C:/x", "c:x"},
		"name-too-long":  {strings.Repeat("x", 256), "a/" + strings.Repeat("😀", 128)},
		CodeInvalid: {`a\b`, `..\x`, "a.txt:stream", "aa::$DATA", "a.", "a ", "x./y", "...", ". ", "a?", "a*", `"`, "a|b", "<", "a\x01",
			"NUL", "nul", "sub/con", "aux.txt", "prn .x", "COM1", "lpt9.log", "COM¹", "CONIN$", "com0"},
	} {
		for _, p := range paths {
			if got := code(checkWindowsPath(p)); got != want {
				t.Errorf("%q: %v, want %v", p, got, want)
			}
		}
	}
}

// TestSystemNames: every operation with a path refuses one that the system reads differently.
func TestSystemNames(t *testing.T) {
	d, _ := open(t, false)
	for _, p := range []string{`sub\b.txt`, "a.txt:stream", "C:x", "NUL", "a.txt.", "a.txt "} {
		if checkNames(p) == nil {
			continue // an ordinary name on this system
		}
		_, err := d.Open(true, p, Create, Read|Write)
		want(t, "open "+p, err, CodeInvalid, CodeNotPermitted)
		_, err = d.StatAt(true, p)
		want(t, "stat "+p, err, CodeInvalid, CodeNotPermitted)
		want(t, "mkdir "+p, d.CreateDirectory(p), CodeInvalid, CodeNotPermitted)
		want(t, "rename to "+p, d.Rename("a.txt", d, p), CodeInvalid, CodeNotPermitted)
		want(t, "rename from "+p, d.Rename(p, d, "x"), CodeInvalid, CodeNotPermitted)
		want(t, "link to "+p, d.Link(false, "a.txt", d, p), CodeInvalid, CodeNotPermitted)
		want(t, "unlink "+p, d.Unlink(p), CodeInvalid, CodeNotPermitted)
		want(t, "rmdir "+p, d.RemoveDirectory(p), CodeInvalid, CodeNotPermitted)
		want(t, "symlink at "+p, d.Symlink("a.txt", p), CodeInvalid, CodeNotPermitted)
		want(t, "symlink to "+p, d.Symlink(p, "l"), CodeInvalid, CodeNotPermitted)
		_, err = d.Readlink(p)
		want(t, "readlink "+p, err, CodeInvalid, CodeNotPermitted)
		want(t, "set times "+p, d.SetTimesAt(true, p, Time{Now: true}, Time{}), CodeInvalid, CodeNotPermitted)
	}
}
