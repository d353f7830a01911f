package filesystem

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// operations are what takes a path, each for a folder that holds what plant makes. Those that make a name have "new" in
// theirs.
var operations = map[string]func(d *Descriptor, p string) error{
	"open":            func(d *Descriptor, p string) error { return second(d.Open(true, p, 0, Read)) },
	"open, no follow": func(d *Descriptor, p string) error { return second(d.Open(false, p, 0, Read)) },
	"open folder":     func(d *Descriptor, p string) error { return second(d.Open(true, p, Directory, Read)) },
	"open to write":   func(d *Descriptor, p string) error { return second(d.Open(true, p, 0, Write)) },
	"open to cut":     func(d *Descriptor, p string) error { return second(d.Open(true, p, Truncate, Read|Write)) },
	"stat":            func(d *Descriptor, p string) error { _, err := d.StatAt(true, p); return err },
	"stat, no follow": func(d *Descriptor, p string) error { _, err := d.StatAt(false, p); return err },
	"hash, no follow": func(d *Descriptor, p string) error { _, err := d.HashAt(false, p); return err },
	"times":           func(d *Descriptor, p string) error { return d.SetTimesAt(true, p, Time{Now: true}, Time{}) },
	"times, no follow": func(d *Descriptor, p string) error {
		return d.SetTimesAt(false, p, Time{Now: true}, Time{})
	},
	"readlink":    func(d *Descriptor, p string) error { _, err := d.Readlink(p); return err },
	"unlink":      func(d *Descriptor, p string) error { return d.Unlink(p) },
	"rmdir":       func(d *Descriptor, p string) error { return d.RemoveDirectory(p) },
	"rename":      func(d *Descriptor, p string) error { return d.Rename(p, d, "elsewhere") },
	"link":        func(d *Descriptor, p string) error { return d.Link(false, p, d, "elsewhere") },
	"new file":    func(d *Descriptor, p string) error { return second(d.Open(true, p, Create, Read|Write)) },
	"new, alone":  func(d *Descriptor, p string) error { return second(d.Open(true, p, Create|Exclusive, Read|Write)) },
	"new folder":  func(d *Descriptor, p string) error { return d.CreateDirectory(p) },
	"new symlink": func(d *Descriptor, p string) error { return d.Symlink("a.txt", p) },
	"new link":    func(d *Descriptor, p string) error { return d.Link(false, "a.txt", d, p) },
	"new name":    func(d *Descriptor, p string) error { return d.Rename("a.txt", d, p) },
	"folder's new name": func(d *Descriptor, p string) error {
		return d.Rename("full", d, p)
	},
}

// plant makes what the paths below name.
func plant(t *testing.T) *Descriptor {
	t.Helper()
	d, host := open(t, false)
	os.Mkdir(filepath.Join(host, "empty"), 0o777)
	writeFile(t, filepath.Join(host, "full", "f"), "")
	for name, target := range map[string]string{"filelink": "a.txt", "dirlink": "empty", "dangling": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(host, name)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// TestPaths: what each operation says of each shape of path. Where the suite of WASI or POSIX has several words for it, all
// of them stand there.
func TestPaths(t *testing.T) {
	all := func(codes string, names ...string) map[string]string {
		m := map[string]string{}
		if len(names) == 0 {
			for n := range operations {
				m[n] = codes
			}
		}
		for _, n := range names {
			m[n] = codes
		}
		return m
	}
	with := func(ms ...map[string]string) map[string]string {
		out := map[string]string{}
		for _, m := range ms {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	makes := []string{"new folder", "new symlink", "new link"}
	for path, want := range map[string]map[string]string{
		"":                        all("no-entry"),
		"a\x00b":                  all("invalid"),
		"/":                       all("not-permitted"),
		"/a.txt":                  all("not-permitted"),
		"..":                      all("not-permitted"),
		"../x":                    all("not-permitted"),
		"sub/../../granted/a.txt": all("not-permitted"),
		"a.txt/": with(all("not-directory"), all("is-directory", "new file", "new, alone"), all("exist", "new folder"),
			all("not-directory exist", "new symlink", "new link")),
		"a.txt/.": with(all("not-directory"), all("not-directory is-directory", "new file", "new, alone")),
		"empty/": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file", "new, alone"), all("exist", makes...),
			all("invalid", "readlink"), all("not-permitted", "link"), all("not-directory is-directory", "new name")),
		"full/": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file", "new, alone"), all("exist", makes...),
			all("invalid", "readlink"), all("not-permitted", "link"), all("not-directory is-directory", "new name"), all("not-empty", "rmdir")),
		"full": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file", "new name"), all("exist", makes...),
			all("exist", "new, alone"), all("invalid", "readlink"), all("not-permitted", "link"), all("not-empty", "rmdir")),
		"dirlink/": with(all("ok"), all("is-directory", "open to write", "open to cut", "new file", "new, alone"),
			all("not-directory", "unlink", "rmdir", "rename", "folder's new name"), all("loop", "open, no follow"),
			all("exist", makes...), all("invalid", "readlink"), all("not-permitted not-directory", "link"), all("not-directory is-directory", "new name")),
		"filelink/": with(all("not-directory"), all("is-directory", "new file", "new, alone"), all("loop not-directory", "open, no follow"),
			all("exist", "new folder"), all("exist not-directory", "new symlink", "new link")),
		"dangling/": with(all("no-entry"), all("is-directory", "new file", "new, alone"), all("loop no-entry", "open, no follow"),
			all("exist no-entry", makes...), all("not-directory", "unlink", "rmdir", "rename", "new name", "folder's new name"), all("no-entry not-directory", "link")),
		"nowhere/": with(all("no-entry"), all("is-directory", "new file", "new, alone"), all("ok", "new folder", "folder's new name"),
			all("not-directory", "new name")),
		".": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file"), all("exist", makes...),
			all("exist", "new, alone"), all("invalid", "readlink"), all("invalid busy", "rmdir"), all("not-permitted", "link"), all("busy invalid", "rename", "new name", "folder's new name")),
		"full/..": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file"), all("exist", makes...),
			all("exist", "new, alone"), all("invalid", "readlink"), all("invalid busy not-empty", "rmdir"), all("not-permitted", "link"), all("busy invalid", "rename", "new name", "folder's new name")),
		"full/.": with(all("ok"), all("is-directory", "open to write", "open to cut", "unlink", "new file"), all("exist", makes...),
			all("exist", "new, alone"), all("invalid", "readlink"), all("invalid busy", "rmdir"), all("not-permitted", "link"), all("busy invalid", "rename", "new name", "folder's new name")),
		"dangling": with(all("no-entry"), all("loop", "open, no follow"), all("ok", "stat, no follow", "hash, no follow", "times, no follow", "readlink", "unlink", "rename", "link", "new name", "new file"),
			all("exist", makes...), all("exist", "new, alone"), all("not-directory", "open folder", "rmdir", "folder's new name")),
		"nowhere/x": all("no-entry"),
		"a.txt/x":   all("not-directory"),
	} {
		for name, op := range operations {
			t.Run(name+" "+strings.ReplaceAll(path, "/", "∕"), func(t *testing.T) {
				err := op(plant(t), path)
				var allowed []Code
				for _, c := range strings.Fields(want[name]) {
					allowed = append(allowed, Code(c))
				}
				if name == "open folder" && path == "dangling" {
					allowed = append(allowed, CodeNoEntry)
				}
				want2(t, err, allowed)
			})
		}
	}
}

func want2(t *testing.T, err error, allowed []Code) {
	t.Helper()
	want(t, "it", err, allowed...)
}
