package filesystem

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// open returns a folder of the host, open for a guest, beside a file that no guest may reach.
func open(t *testing.T, readOnly bool) (d *Descriptor, host string) {
	t.Helper()
	base := t.TempDir()
	host = filepath.Join(base, "granted")
	writeFile(t, filepath.Join(base, "secret"), "secret")
	writeFile(t, filepath.Join(host, "a.txt"), "hello")
	writeFile(t, filepath.Join(host, "sub", "b.txt"), "below")
	d, err := Preopen{Host: host, Guest: "/", ReadOnly: readOnly}.Open(NewQuota(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, host
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func code(err error) Code {
	if err == nil {
		return "ok"
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Code("no *Error: " + err.Error())
}

func want(t *testing.T, what string, err error, allowed ...Code) {
	t.Helper()
	if c := code(err); !slices.Contains(allowed, c) {
		t.Errorf("%s: %s, want %v (%v)", what, c, allowed, err)
	}
}

func (d *Descriptor) mustOpen(t *testing.T, path string, how OpenFlags, f Flags) *Descriptor {
	t.Helper()
	o, err := d.Open(true, path, how, f)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func TestPathsStayBelow(t *testing.T) {
	d, host := open(t, false)
	secret := filepath.Join(filepath.Dir(host), "secret")
	for name, target := range map[string]string{"out-abs": secret, "out-rel": "../secret", "out-dir": "..", "loop": "loop", "hop": "sub/up/../../secret"} {
		if err := os.Symlink(target, filepath.Join(host, name)); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink("..", filepath.Join(host, "sub", "up"))
	paths := []string{"../secret", secret, "./../secret", "sub/../../secret", "out-abs", "out-rel", "out-dir/secret", "hop", "loop", "sub/up/../secret", "..", "../granted/../secret"}
	fails := []Code{CodeNotPermitted, CodeNoEntry, CodeLoop}
	for _, p := range paths {
		for _, follow := range []bool{true, false} {
			o, err := d.Open(follow, p, 0, Read)
			want(t, "open "+p, err, fails...)
			if err == nil {
				o.Close()
			}
		}
		_, err := d.StatAt(true, p)
		want(t, "stat "+p, err, fails...)
		_, err = d.HashAt(true, p)
		want(t, "hash "+p, err, fails...)
		want(t, "times "+p, d.SetTimesAt(true, p, Time{Now: true}, Time{Now: true}), fails...)
		want(t, "link "+p, d.Link(true, p, d, "stolen"), fails...)
		_, err = d.Open(true, p, Create|Truncate, Write)
		want(t, "create "+p, err, append(fails, CodeIsDirectory, CodeInvalid)...)
	}
	for _, p := range []string{"../x", "/tmp/x", "out-dir/x", "sub/../../x"} {
		want(t, "mkdir "+p, d.CreateDirectory(p), CodeNotPermitted)
		want(t, "symlink at "+p, d.Symlink("a.txt", p), CodeNotPermitted)
		want(t, "unlink "+p, d.Unlink(p), CodeNotPermitted)
		want(t, "rmdir "+p, d.RemoveDirectory(p), CodeNotPermitted)
		want(t, "rename to "+p, d.Rename("a.txt", d, p), CodeNotPermitted)
		want(t, "rename from "+p, d.Rename(p, d, "x"), CodeNotPermitted)
		want(t, "link to "+p, d.Link(false, "a.txt", d, p), CodeNotPermitted)
	}
	for _, target := range []string{secret, "..", "../secret", "sub/../../secret"} {
		want(t, "symlink to "+target, d.Symlink(target, "new-link"), CodeNotPermitted)
	}
	_, err := d.Readlink("out-abs")
	want(t, "readlink", err, CodeNotPermitted)
	sub := d.mustOpen(t, "sub", Directory, Read)
	_, err = sub.Open(true, "../a.txt", 0, Read)
	want(t, "above a descriptor", err, CodeNotPermitted)
	if b, err := os.ReadFile(secret); string(b) != "secret" || err != nil {
		t.Errorf("the secret is now %q, %v", b, err)
	}
}

func TestErrorsNameNoHostPath(t *testing.T) {
	d, host := open(t, false)
	_, err := d.Open(true, "missing", 0, Read)
	if err == nil || strings.Contains(err.Error(), filepath.Base(filepath.Dir(host))) || !strings.HasPrefix(err.Error(), "no-entry: ") || runtime.GOOS == "linux" && err.Error() != "no-entry: no such file or directory" {
		t.Errorf("%v", err)
	}
	f := d.mustOpen(t, "a.txt", 0, Read|Write)
	f.file.Close()
	_, _, err = f.ReadAt(1, 0)
	if code(err) != CodeBadDescriptor || strings.Contains(err.Error(), host) {
		t.Errorf("%v", err)
	}
}

func TestReadOnlyGrant(t *testing.T) {
	d, host := open(t, true)
	f := d.mustOpen(t, "a.txt", 0, Read)
	sub := d.mustOpen(t, "sub", Directory, Read)
	rw, _ := open(t, false)
	now := Time{Now: true}
	for what, err := range map[string]error{
		"write":        second(d.Open(true, "a.txt", 0, Write)),
		"create":       second(d.Open(true, "new", Create, Read)),
		"truncate":     second(d.Open(true, "a.txt", Truncate, Read)),
		"mutate":       second(d.Open(true, "sub", Directory, Mutate)),
		"below":        second(sub.Open(true, "new", Create, Write)),
		"mkdir":        d.CreateDirectory("x"),
		"unlink":       d.Unlink("a.txt"),
		"rmdir":        d.RemoveDirectory("sub"),
		"rename":       d.Rename("a.txt", d, "b"),
		"rename out":   d.Rename("a.txt", rw, "b"),
		"rename in":    rw.Rename("a.txt", d, "b"),
		"link out":     d.Link(false, "a.txt", rw, "b"),
		"link in":      rw.Link(false, "a.txt", d, "b"),
		"symlink":      d.Symlink("a.txt", "x"),
		"times":        d.SetTimesAt(true, "a.txt", now, now),
		"times of dir": sub.SetTimes(now, now),
		"times file":   f.SetTimes(now, now),
	} {
		want(t, what, err, CodeReadOnly)
	}
	if d.Flags() != Read || sub.Flags() != Read {
		t.Errorf("flags %b, %b", d.Flags(), sub.Flags())
	}
	want(t, "size", f.SetSize(0), CodeBadDescriptor)
	if b, _ := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "hello" {
		t.Errorf("changed to %q", b)
	}
}

func TestDirectories(t *testing.T) {
	d, host := open(t, false)
	os.WriteFile(filepath.Join(host, "bad\xff"), nil, 0o666)
	os.Symlink("a.txt", filepath.Join(host, "link"))
	for i := range 300 {
		writeFile(t, filepath.Join(host, "many", string(rune('a'+i%26))+strings.Repeat("x", i/26)), "")
	}
	list := func(d *Descriptor) map[string]Type {
		e, err := d.ReadDirectory()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		got := map[string]Type{}
		for {
			n, err := e.Next()
			if err != nil {
				t.Fatal(err)
			}
			if n == nil {
				return got
			}
			got[n.Name] = n.Type
		}
	}
	got := list(d)
	for name, typ := range map[string]Type{"a.txt": TypeRegularFile, "sub": TypeDirectory, "link": TypeSymbolicLink, "many": TypeDirectory} {
		if got[name] != typ {
			t.Errorf("%s: %d, want %d", name, got[name], typ)
		}
		delete(got, name)
	}
	if len(got) != 0 {
		t.Errorf("more: %v", got)
	}
	if n := len(list(d.mustOpen(t, "many", Directory, Read))); n != 300 {
		t.Errorf("%d entries", n)
	}
	if n := len(list(d)); n != 4 { // a new reading starts at the beginning
		t.Errorf("%d entries the second time", n)
	}
	f := d.mustOpen(t, "a.txt", 0, Read)
	_, err := f.ReadDirectory()
	want(t, "read a file as directory", err, CodeNotDirectory)
	want(t, "mkdir with a slash", d.CreateDirectory("slash/"), "ok")
	os.Symlink("slash", filepath.Join(host, "through"))
	want(t, "mkdir through a link", d.CreateDirectory("through/below"), "ok")
	writeFile(t, filepath.Join(host, "slash", "f"), "")
	want(t, "rename through a link", d.Rename("through/f", d, "through/g"), "ok")
	want(t, "unlink through a link", d.Unlink("through/g"), "ok")
	want(t, "rmdir of a link", d.RemoveDirectory("through"), CodeNotDirectory)
	want(t, "rmdir of a link/", d.RemoveDirectory("through/"), CodeNotDirectory)
	want(t, "rename a link/", d.Rename("through/", d, "x"), CodeNotDirectory)
	want(t, "times of what a link leads to", d.SetTimesAt(true, "through/below", Time{Now: true}, Time{}), "ok")
	want(t, "mkdir in a file", f.CreateDirectory("x"), CodeNotDirectory)
}

func TestNames(t *testing.T) {
	d, host := open(t, false)
	sub := d.mustOpen(t, "sub", Directory, Read|Mutate)
	for _, step := range []struct {
		what string
		err  error
		want Code
	}{
		{"mkdir", d.CreateDirectory("new"), "ok"},
		{"mkdir again", d.CreateDirectory("new"), CodeExist},
		{"rmdir full", d.RemoveDirectory("sub"), "not-empty"},
		{"rmdir file", d.RemoveDirectory("a.txt"), CodeNotDirectory},
		{"unlink directory", d.Unlink("new"), CodeIsDirectory},
		{"unlink directory/", d.Unlink("new/"), CodeIsDirectory},
		{"unlink file/", d.Unlink("a.txt/"), CodeNotDirectory},
		{"unlink .", d.Unlink("."), CodeIsDirectory},
		{"rmdir", d.RemoveDirectory("new/"), "ok"},
		{"link", d.Link(false, "a.txt", sub, "hard"), "ok"},
		{"link again", d.Link(false, "a.txt", sub, "hard"), CodeExist},
		{"link directory", d.Link(false, "sub", d, "x"), CodeNotPermitted},
		{"link missing", d.Link(false, "nope", d, "x"), CodeNoEntry},
		{"symlink", d.Symlink("a.txt", "soft"), "ok"},
		{"symlink inside by ..", d.Symlink("../a.txt", "sub/soft"), "ok"},
		{"symlink again", d.Symlink("a.txt", "soft"), CodeExist},
		{"link through a link", d.Link(true, "soft", d, "real"), "ok"},
		{"link a link", d.Link(false, "soft", d, "soft2"), "ok"},
		{"rename across descriptors", d.Rename("real", sub, "moved"), "ok"},
		{"rename back", sub.Rename("moved", d, "back"), "ok"},
		{"rename missing", d.Rename("nope", d, "x"), CodeNoEntry},
		{"rename file/", d.Rename("back/", d, "x"), CodeNotDirectory},
		{"rename onto a directory", d.Rename("back", d, "sub"), CodeIsDirectory},
		{"rename a directory", d.Rename("sub", d, "sub2"), "ok"},
		{"unlink", d.Unlink("back"), "ok"},
		{"unlink a link", d.Unlink("soft2"), "ok"},
		{"unlink again", d.Unlink("back"), CodeNoEntry},
	} {
		want(t, step.what, step.err, step.want)
	}
	if l, err := d.Readlink("soft"); l != "a.txt" || err != nil {
		t.Errorf("readlink: %q %v", l, err)
	}
	_, err := d.Readlink("a.txt")
	want(t, "readlink a file", err, CodeInvalid)
	if s, _ := d.StatAt(false, "soft"); s.Type != TypeSymbolicLink || s.Size != 5 {
		t.Errorf("%+v", s)
	}
	if s, _ := d.StatAt(true, "soft"); s.Type != TypeRegularFile || s.Links != 2 {
		t.Errorf("%+v", s)
	}
	// The descriptor follows its directory wherever it is moved.
	if b, err := os.ReadFile(filepath.Join(host, "sub2", "hard")); string(b) != "hello" || err != nil {
		t.Error(string(b), err)
	}
	if _, err := sub.StatAt(false, "hard"); err != nil {
		t.Error(err)
	}
}

func TestIdentity(t *testing.T) {
	d, host := open(t, false)
	a, b, c := d.mustOpen(t, "a.txt", 0, Read), d.mustOpen(t, "sub/../a.txt", 0, Read), d.mustOpen(t, "sub/b.txt", 0, Read)
	if same, err := a.Same(b); !same || err != nil {
		t.Error("one file is two", err)
	}
	if same, _ := a.Same(c); same {
		t.Error("two files are one")
	}
	h1, _ := a.Hash()
	h2, err := d.HashAt(true, "a.txt")
	if h1 != h2 || err != nil {
		t.Error("one file, two digests", err)
	}
	if h3, _ := c.Hash(); h3 == h1 || h3.Lower == h1.Lower || h3.Upper == h1.Upper {
		t.Error("two files, one digest")
	}
	os.WriteFile(filepath.Join(host, "a.txt"), []byte("more than before"), 0o666)
	if h4, _ := a.Hash(); h4 == h1 {
		t.Error("a changed file has the same digest")
	}
}

func TestTimes(t *testing.T) {
	d, host := open(t, false)
	os.Symlink("a.txt", filepath.Join(host, "soft"))
	f := d.mustOpen(t, "a.txt", 0, Read)
	x, y := time.Unix(1_000_000_000, 123_000_000), time.Unix(1_100_000_000, 0)
	if err := f.SetTimes(Time{To: &x}, Time{To: &y}); err != nil {
		t.Fatal(err)
	}
	if s, _ := f.Stat(); !s.Accessed.Equal(x) || !s.Modified.Equal(y) {
		t.Errorf("%+v", s)
	}
	if err := d.SetTimesAt(false, "soft", Time{To: &y}, Time{To: &x}); err != nil {
		t.Fatal(err)
	}
	if s, _ := d.StatAt(false, "soft"); !s.Modified.Equal(x) {
		t.Errorf("the link: %+v", s)
	}
	if err := d.SetTimesAt(true, "soft", Time{}, Time{To: &x}); err != nil {
		t.Fatal(err)
	}
	if s, _ := f.Stat(); !s.Accessed.Equal(x) || !s.Modified.Equal(x) {
		t.Errorf("left alone and set: %+v", s)
	}
	before := time.Now().Add(-time.Minute)
	if err := f.SetTimes(Time{}, Time{Now: true}); err != nil {
		t.Fatal(err)
	}
	if s, _ := f.Stat(); s.Modified.Before(before) || !s.Accessed.Equal(x) {
		t.Errorf("now: %+v", s)
	}
	if err := d.SetTimes(Time{Now: true}, Time{To: &x}); err != nil {
		t.Fatal(err)
	}
	if s, _ := d.Stat(); !s.Modified.Equal(x) {
		t.Errorf("directory: %+v", s)
	}
}

func TestOpenLimit(t *testing.T) {
	d, _ := open(t, false)
	d.quota.n.Store(MaxOpen - 1)
	f := d.mustOpen(t, "a.txt", 0, Read)
	_, err := d.Open(true, "a.txt", 0, Read)
	want(t, "one too many", err, CodeNoMemory)
	_, err = d.ReadDirectory()
	want(t, "one too many", err, CodeNoMemory)
	_, err = d.Open(true, "sub", Directory, Read)
	want(t, "one too many", err, CodeNoMemory)
	s, err := f.Reader(0)
	want(t, "a stream of what is open", err, "ok")
	f.Close()
	_, err = d.Open(true, "a.txt", 0, Read)
	want(t, "while the stream holds the file", err, CodeNoMemory)
	s.Close()
	sub, err := d.Open(true, "sub", Directory, Read)
	want(t, "room again", err, "ok")
	sub.Close()
	_, err = d.Open(true, "nope", 0, Read)
	want(t, "a failure takes no room", err, CodeNoEntry)
	if n := d.quota.n.Load(); n != MaxOpen-1 {
		t.Errorf("%d are counted, want %d", n, MaxOpen-1)
	}
}

func TestQuota(t *testing.T) {
	_, host := open(t, false)
	q := NewQuota(2) // of both folders together
	a, err := Preopen{Host: host}.Open(q)
	want(t, "one", err, "ok")
	b, err := Preopen{Host: host}.Open(q)
	want(t, "two", err, "ok")
	_, err = b.Open(true, "a.txt", 0, Read)
	want(t, "three", err, CodeNoMemory)
	a.Close()
	f, err := b.Open(true, "a.txt", 0, Read)
	want(t, "room again", err, "ok")
	f.Close()
	b.Close()
}

func TestPreopenCheck(t *testing.T) {
	_, host := open(t, false)
	for path, ok := range map[string]bool{host: true, filepath.Join(host, "nope"): false, filepath.Join(host, "a.txt"): false} {
		if err := (Preopen{Host: path}).Check(); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// FuzzPaths: no operation on any path reaches the secret file beside the folder.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"a.txt", "../secret", "sub/up/up/secret", "sub//../..//secret", "out/secret", "./.././secret", "out", "sub/../a.txt", "\x00", "/"} {
		f.Add(s, s)
	}
	base := f.TempDir()
	host := filepath.Join(base, "granted")
	os.MkdirAll(filepath.Join(host, "sub"), 0o777)
	os.WriteFile(filepath.Join(base, "secret"), []byte("secret"), 0o666)
	os.WriteFile(filepath.Join(host, "a.txt"), []byte("hello"), 0o666)
	os.Symlink("..", filepath.Join(host, "out"))
	os.Symlink("..", filepath.Join(host, "sub", "up"))
	secret, err := os.Stat(filepath.Join(base, "secret"))
	if err != nil {
		f.Fatal(err)
	}
	outside, err := os.Stat(base)
	if err != nil {
		f.Fatal(err)
	}
	d, err := Preopen{Host: host}.Open(NewQuota(0))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p, q string) {
		for _, follow := range []bool{true, false} {
			o, err := d.Open(follow, p, 0, Read)
			if err != nil {
				code(err)
				continue
			}
			info, err := o.file.Stat()
			if err != nil || os.SameFile(info, secret) || os.SameFile(info, outside) {
				t.Errorf("%q leads out (%v)", p, err)
			}
			o.Close()
		}
		for _, err := range []error{d.Symlink(p, q), d.Link(true, p, d, q), d.Rename(p, d, q), d.CreateDirectory(p), d.Unlink(q), d.RemoveDirectory(q)} {
			if c := code(err); strings.HasPrefix(string(c), "no *Error") {
				t.Error(c)
			}
		}
		names, err := os.ReadDir(base)
		if b, err2 := os.ReadFile(filepath.Join(base, "secret")); err != nil || len(names) != 2 || string(b) != "secret" || err2 != nil {
			t.Fatalf("%q %q: changed outside: %v %v", p, q, names, err)
		}
	})
}
