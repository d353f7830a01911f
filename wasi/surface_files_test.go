package wasi_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

const files = "filesystem/types#"

var (
	follow   = []string{"symlink-follow"}
	none     = []string{} // no flags
	rw       = []string{"read", "write"}
	noChange = cm.Variant{Case: "no-change"}
)

// folder makes a folder of the host with a file, and a guest to which it is granted.
func folder(t *testing.T, readOnly bool) (g *guest, root *cm.Resource, host string) {
	t.Helper()
	host = filepath.Join(t.TempDir(), "granted")
	if err := os.Mkdir(host, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(host, "a.txt"), "hello")
	g = serve(t, wasi.Config{Preopens: []filesystem.Preopen{{Host: host, Guest: "/data", ReadOnly: readOnly}}}, noHTTP)
	dirs := g.ok("filesystem/preopens#get-directories").([][]any)
	if len(dirs) != 1 || dirs[0][1] != "/data" {
		t.Fatalf("preopens are %v", dirs)
	}
	return g, dirs[0][0].(*cm.Resource), host
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (g *guest) open(dir *cm.Resource, path string, how, flags []string) *cm.Resource {
	g.t.Helper()
	return g.res(files+"descriptor.open-at", dir, follow, path, how, flags)
}

func moment(s uint64, ns uint32) map[string]any {
	return map[string]any{"seconds": s, "nanoseconds": ns}
}

func TestFile(t *testing.T) {
	g, root, host := folder(t, false)
	f := g.open(root, "a.txt", none, rw)
	g.equal("regular-file", files+"descriptor.get-type", f)
	g.equal(rw, files+"descriptor.get-flags", f)
	g.equal([]any{[]byte("ello"), true}, files+"descriptor.read", f, 100, 1)
	g.equal([]any{[]byte("he"), false}, files+"descriptor.read", f, 2, 0)
	g.equal(uint64(1), files+"descriptor.write", f, []byte("J"), 0)
	g.ok(files+"descriptor.set-size", f, 3)
	g.ok(files+"descriptor.advise", f, 0, 3, "sequential")
	in := g.res(files+"descriptor.read-via-stream", f, 1)
	if got := g.text(in); got != "el" {
		t.Errorf("the stream gave %q", got)
	}
	out, end := g.res(files+"descriptor.write-via-stream", f, 1), g.res(files+"descriptor.append-via-stream", f)
	g.ok("io/streams#output-stream.blocking-write-and-flush", out, []byte("uice"))
	g.ok("io/streams#output-stream.blocking-write-and-flush", end, []byte("!"))
	g.ok(files+"descriptor.sync-data", f)
	g.ok(files+"descriptor.sync", f)
	if b, err := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "Juice!" || err != nil {
		t.Errorf("the file holds %q, %v", b, err)
	}
	g.ok(files+"descriptor.set-times", f, cm.Variant{Case: "timestamp", Value: moment(1_000_000_000, 5)}, cm.Variant{Case: "now"})
	g.ok(files+"descriptor.set-times-at", root, follow, "a.txt", noChange, cm.Variant{Case: "timestamp", Value: moment(1_100_000_000, 0)})
	for _, stat := range []any{g.ok(files+"descriptor.stat", f), g.ok(files+"descriptor.stat-at", root, follow, "a.txt")} {
		s := stat.(map[string]any)
		read, written := *s["data-access-timestamp"].(*map[string]any), *s["data-modification-timestamp"].(*map[string]any)
		if s["type"] != "regular-file" || s["size"] != uint64(6) || s["link-count"] != uint64(1) ||
			read["seconds"] != uint64(1_000_000_000) || read["nanoseconds"] != uint32(5) || written["seconds"] != uint64(1_100_000_000) {
			t.Errorf("%v", s)
		}
	}
	g.drop(in, out, end, f)
}

func TestDirectory(t *testing.T) {
	g, root, host := folder(t, false)
	g.equal("directory", files+"descriptor.get-type", root)
	g.equal([]string{"read", "mutate-directory"}, files+"descriptor.get-flags", root)
	g.ok(files+"descriptor.create-directory-at", root, "sub")
	sub := g.open(root, "sub", []string{"directory"}, []string{"read", "mutate-directory"})
	g.ok(files+"descriptor.link-at", root, none, "a.txt", sub, "hard")
	g.ok(files+"descriptor.symlink-at", root, "a.txt", "soft")
	g.equal("a.txt", files+"descriptor.readlink-at", root, "soft")
	g.ok(files+"descriptor.rename-at", root, "soft", sub, "moved")
	if s := g.ok(files+"descriptor.stat-at", sub, none, "moved").(map[string]any); s["type"] != "symbolic-link" {
		t.Errorf("%v", s)
	}
	es := g.res(files+"descriptor.read-directory", sub)
	var names []string
	for {
		e := g.ok(files+"directory-entry-stream.read-directory-entry", es).(*map[string]any)
		if e == nil {
			break
		}
		names = append(names, (*e)["name"].(string)+" "+(*e)["type"].(string))
	}
	if slices.Sort(names); !slices.Equal(names, []string{"hard regular-file", "moved symbolic-link"}) {
		t.Errorf("entries are %q", names)
	}
	f, other := g.open(root, "a.txt", none, rw), g.open(sub, "hard", none, []string{"read"})
	g.equal(true, files+"descriptor.is-same-object", f, other)
	g.equal(false, files+"descriptor.is-same-object", f, root)
	h := g.ok(files+"descriptor.metadata-hash", f)
	g.equal(h, files+"descriptor.metadata-hash-at", sub, follow, "hard")
	g.ok(files+"descriptor.unlink-file-at", sub, "hard")
	g.ok(files+"descriptor.unlink-file-at", sub, "moved")
	g.ok(files+"descriptor.remove-directory-at", root, "sub")
	if left, err := os.ReadDir(host); len(left) != 1 || err != nil {
		t.Errorf("%v is left, %v", left, err)
	}
	g.drop(es, sub, f, other, root)
}

func TestFileErrors(t *testing.T) {
	g, root, host := folder(t, false)
	if err := os.Mkdir(filepath.Join(host, "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(host, "full", "x"), "")
	for name, target := range map[string]string{"loop": "loop", "bytes": "\xff"} {
		if err := os.Symlink(target, filepath.Join(host, name)); err != nil {
			t.Fatal(err)
		}
	}
	pipes := mkfifo(filepath.Join(host, "pipe"))
	if pipes != nil && runtime.GOOS == "linux" {
		t.Fatal(pipes)
	}
	d := func(fn string) string { return files + "descriptor." + fn }
	r, w := g.open(root, "a.txt", none, []string{"read"}), g.open(root, "a.txt", none, []string{"write"})
	full := g.open(root, "full", []string{"directory"}, []string{"read", "mutate-directory"})
	long := strings.Repeat("n", 300)
	bad := cm.Variant{Case: "timestamp", Value: moment(0, 1_000_000_000)}
	for _, c := range []struct {
		want, fn string
		args     []any
	}{
		{"no-entry", d("open-at"), []any{root, follow, "nope", none, rw}},
		{"exist", d("open-at"), []any{root, follow, "a.txt", []string{"create", "exclusive"}, rw}},
		{"not-directory", d("open-at"), []any{root, follow, "a.txt", []string{"directory"}, []string{"read"}}},
		{"not-directory", d("open-at"), []any{r, follow, "a.txt", none, rw}},
		{"is-directory", d("open-at"), []any{root, follow, "full", none, rw}},
		{"invalid", d("open-at"), []any{root, follow, "a.txt", []string{"create", "directory"}, rw}},
		{"loop", d("open-at"), []any{root, follow, "loop", none, rw}},
		{"name-too-long", d("open-at"), []any{root, follow, long, none, rw}},
		{"no-such-device", d("open-at"), []any{root, follow, "pipe", none, []string{"write"}}},
		{"not-permitted", d("open-at"), []any{root, follow, "../a", none, rw}},
		{"is-directory", d("read"), []any{root, 1, 0}},
		{"bad-descriptor", d("read"), []any{w, 1, 0}},
		{"invalid", d("read"), []any{r, 1, uint64(1 << 63)}},
		{"bad-descriptor", d("write"), []any{r, []byte("x"), 0}},
		{"is-directory", d("write"), []any{root, []byte("x"), 0}},
		{"bad-descriptor", d("set-size"), []any{r, 1}},
		{"invalid", d("set-size"), []any{w, uint64(1 << 63)}},
		{"bad-descriptor", d("read-via-stream"), []any{w, 0}},
		{"bad-descriptor", d("write-via-stream"), []any{r, 0}},
		{"bad-descriptor", d("append-via-stream"), []any{r}},
		{"is-directory", d("read-via-stream"), []any{root, 0}},
		{"bad-descriptor", d("advise"), []any{root, 0, 1, "normal"}},
		{"invalid", d("advise"), []any{r, uint64(1 << 63), 1, "normal"}},
		{"invalid", d("set-times"), []any{w, bad, noChange}},
		{"invalid", d("set-times-at"), []any{root, follow, "a.txt", bad, noChange}},
		{"no-entry", d("set-times-at"), []any{root, follow, "nope", cm.Variant{Case: "now"}, noChange}},
		{"not-directory", d("read-directory"), []any{r}},
		{"exist", d("create-directory-at"), []any{root, "a.txt"}},
		{"no-entry", d("stat-at"), []any{root, follow, "nope"}},
		{"no-entry", d("link-at"), []any{root, none, "nope", root, "x"}},
		{"not-permitted", d("link-at"), []any{root, none, "full", root, "x"}},
		{"invalid", d("readlink-at"), []any{root, "a.txt"}},
		{"illegal-byte-sequence", d("readlink-at"), []any{root, "bytes"}},
		{"not-empty", d("remove-directory-at"), []any{root, "full"}},
		{"not-directory", d("remove-directory-at"), []any{root, "a.txt"}},
		{"is-directory", d("unlink-file-at"), []any{root, "full"}},
		{"no-entry", d("unlink-file-at"), []any{root, "nope"}},
		{"no-entry", d("rename-at"), []any{root, "nope", root, "x"}},
		{"is-directory", d("rename-at"), []any{root, "a.txt", root, "full"}},
		{"exist", d("symlink-at"), []any{root, "a.txt", "full"}},
		{"no-entry", d("metadata-hash-at"), []any{root, follow, "nope"}},
		{"no-entry", d("stat-at"), []any{full, follow, "y"}},
	} {
		if c.want != "no-such-device" || pipes == nil {
			g.fail(c.want, c.fn, c.args...)
		}
	}
	f := g.resource(iop2.ErrorType, iop2.NewError(&filesystem.Error{Code: filesystem.CodeTooLarge}))
	if c := g.ok(files+"filesystem-error-code", f).(*string); c == nil || *c != "file-too-large" {
		t.Errorf("the code of an error of a file is %v", c)
	}
	other := g.resource(iop2.ErrorType, iop2.NewError(errors.New("something else")))
	if c := g.ok(files+"filesystem-error-code", other).(*string); c != nil {
		t.Errorf("the code of another error is %v", *c)
	}
	if pipes != nil {
		return
	}
	pipe, err := os.OpenFile(filepath.Join(host, "pipe"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := g.open(root, "pipe", none, []string{"write"})
	g.fail("invalid-seek", d("write"), p, []byte("x"), 0)
	pipe.Close()
	s := g.res(d("write-via-stream"), p, 0)
	e := g.ioError(g.fail("last-operation-failed", "io/streams#output-stream.blocking-write-and-flush", s, []byte("x")))
	if c := g.ok(files+"filesystem-error-code", e).(*string); c == nil || *c != "pipe" {
		t.Errorf("the code of a write to a pipe that nobody reads is %v", c)
	}
	record(t, files+"filesystem-error-code", "pipe")
}

// TestReadOnly: nothing can be changed below a folder that was granted, or that the guest has opened, for reading only.
func TestReadOnly(t *testing.T) {
	t.Run("granted", func(t *testing.T) { readOnly(t, true) })
	t.Run("opened", func(t *testing.T) { readOnly(t, false) })
}

func readOnly(t *testing.T, granted bool) {
	g, root, host := folder(t, granted)
	if !granted {
		all := root
		for _, access := range [][]string{none, {"read"}} {
			root = g.open(all, ".", none, access)
			g.equal([]string{"read"}, files+"descriptor.get-flags", root)
		}
		for _, access := range [][]string{{"mutate-directory"}, {"read", "mutate-directory"}} {
			g.equal([]string{"read", "mutate-directory"}, files+"descriptor.get-flags", g.open(all, ".", []string{"directory"}, access))
		}
		g.fail("read-only", files+"descriptor.rename-at", all, "a.txt", root, "b.txt")
		g.fail("read-only", files+"descriptor.link-at", all, none, "a.txt", root, "b.txt")
	}
	if err := os.Mkdir(filepath.Join(host, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	g.equal([]string{"read"}, files+"descriptor.get-flags", root)
	sub := g.open(root, "sub", []string{"directory"}, []string{"read"})
	for _, dir := range []*cm.Resource{root, sub} {
		for _, c := range []struct {
			fn   string
			args []any
		}{
			{"open-at", []any{follow, "x", []string{"create"}, rw}},
			{"open-at", []any{follow, "a.txt", []string{"truncate"}, []string{"read"}}},
			{"open-at", []any{follow, "../a.txt", none, []string{"write"}}},
			{"open-at", []any{follow, ".", none, []string{"mutate-directory"}}},
			{"create-directory-at", []any{"x"}},
			{"remove-directory-at", []any{"sub"}},
			{"unlink-file-at", []any{"a.txt"}},
			{"rename-at", []any{"a.txt", dir, "b.txt"}},
			{"link-at", []any{none, "a.txt", dir, "b.txt"}},
			{"symlink-at", []any{"a.txt", "b.txt"}},
			{"set-times-at", []any{follow, "a.txt", cm.Variant{Case: "now"}, noChange}},
			{"set-times", []any{cm.Variant{Case: "now"}, noChange}},
		} {
			g.fail("read-only", files+"descriptor."+c.fn, append([]any{dir}, c.args...)...)
		}
	}
	f := g.open(root, "a.txt", none, []string{"read"})
	g.fail("bad-descriptor", files+"descriptor.write", f, []byte("x"), 0)
	if b, err := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "hello" || err != nil {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

// TestPathsStayBelow: no path leads out of a granted folder by "..", by a link or from the root.
func TestPathsStayBelow(t *testing.T) {
	g, root, host := folder(t, false)
	secret := filepath.Join(filepath.Dir(host), "secret")
	write(t, secret, "secret")
	for name, target := range map[string]string{"abs": secret, "rel": "../secret", "up": "..", "hop": "up/secret"} {
		if err := os.Symlink(target, filepath.Join(host, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"../secret", secret, "./../secret", "abs", "rel", "up/secret", "hop", "..", "up/granted/../secret"} {
		g.fail("not-permitted", files+"descriptor.open-at", root, follow, p, none, []string{"read"})
		g.fail("not-permitted", files+"descriptor.open-at", root, follow, p, []string{"create"}, rw)
		g.fail("not-permitted", files+"descriptor.stat-at", root, follow, p)
		g.fail("not-permitted", files+"descriptor.metadata-hash-at", root, follow, p)
		g.fail("not-permitted", files+"descriptor.set-times-at", root, follow, p, cm.Variant{Case: "now"}, noChange)
		g.fail("not-permitted", files+"descriptor.link-at", root, follow, p, root, "stolen")
	}
	for _, p := range []string{"../x", "/x", "up/x"} {
		g.fail("not-permitted", files+"descriptor.create-directory-at", root, p)
		g.fail("not-permitted", files+"descriptor.symlink-at", root, "a.txt", p)
		g.fail("not-permitted", files+"descriptor.unlink-file-at", root, p)
		g.fail("not-permitted", files+"descriptor.remove-directory-at", root, p)
		g.fail("not-permitted", files+"descriptor.rename-at", root, "a.txt", root, p)
		g.fail("not-permitted", files+"descriptor.rename-at", root, p, root, "x")
		g.fail("not-permitted", files+"descriptor.link-at", root, none, "a.txt", root, p)
		g.fail("not-permitted", files+"descriptor.readlink-at", root, p)
	}
	g.fail("not-permitted", files+"descriptor.readlink-at", root, "abs")
	for _, target := range []string{"/etc", "..", "../secret"} {
		g.fail("not-permitted", files+"descriptor.symlink-at", root, target, "link")
	}
	if b, err := os.ReadFile(secret); string(b) != "secret" || err != nil {
		t.Errorf("the secret holds %q, %v", b, err)
	}
}

// TestPathsStayBelowUnderRace replaces a folder by a link that leads out, and back, while a guest uses paths through it, until
// each path has been used both ways often.
func TestPathsStayBelowUnderRace(t *testing.T) {
	g, root, host := folder(t, false)
	outside, dir := filepath.Join(filepath.Dir(host), "outside"), filepath.Join(host, "dir")
	for _, d := range []string{outside, dir} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(outside, "f"), "secret")
	write(t, filepath.Join(dir, "f"), "inside")
	stop := make(chan struct{})
	var swaps sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); swaps.Wait() })
	defer end()
	swaps.Go(func() {
		away := filepath.Join(host, "away")
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, err := range []error{os.Rename(dir, away), os.Symlink(outside, dir), os.Remove(dir), os.Rename(away, dir)} {
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	const often = 25
	for _, op := range []struct {
		what string
		do   func() (string, bool)
	}{
		{"open", func() (string, bool) {
			f, err := g.attempt(files+"descriptor.open-at", root, follow, "dir/f", none, []string{"read"})
			if err != nil {
				return "", false
			}
			b, err := g.attempt(files+"descriptor.read", f, 100, 0)
			if err != nil {
				t.Fatal(err)
			}
			g.drop(f.(*cm.Resource))
			return string(b.([]any)[0].([]byte)), true
		}},
		{"stat", func() (string, bool) {
			s, err := g.attempt(files+"descriptor.stat-at", root, follow, "dir/f")
			if err != nil {
				return "", false
			}
			return map[any]string{uint64(6): "inside"}[s.(map[string]any)["size"]], true
		}},
		{"create", func() (string, bool) {
			f, err := g.attempt(files+"descriptor.open-at", root, follow, "dir/new", []string{"create"}, rw)
			if err == nil {
				g.drop(f.(*cm.Resource))
			}
			return "inside", err == nil
		}},
		{"make a directory", func() (string, bool) {
			_, err := g.attempt(files+"descriptor.create-directory-at", root, "dir/d")
			if err == nil {
				for err = errors.New("not yet"); err != nil; {
					_, err = g.attempt(files+"descriptor.remove-directory-at", root, "dir/d")
				}
				return "inside", true
			}
			return "", false
		}},
		{"rename and back", func() (string, bool) {
			_, err := g.attempt(files+"descriptor.rename-at", root, "a.txt", root, "dir/a.txt")
			if err != nil {
				return "", false
			}
			for err = errors.New("not yet"); err != nil; {
				_, err = g.attempt(files+"descriptor.rename-at", root, "dir/a.txt", root, "a.txt")
			}
			return "inside", true
		}},
		{"link and unlink", func() (string, bool) {
			_, err := g.attempt(files+"descriptor.link-at", root, follow, "a.txt", root, "dir/l")
			if err != nil {
				return "", false
			}
			for err = errors.New("not yet"); err != nil; {
				_, err = g.attempt(files+"descriptor.unlink-file-at", root, "dir/l")
			}
			return "inside", true
		}},
	} {
		inside, refused := 0, 0
		for inside < often || refused < often {
			got, ok := op.do()
			switch {
			case !ok:
				refused++
			case got == "inside":
				inside++
			default:
				t.Fatalf("%s led out: %q", op.what, got)
			}
		}
		t.Logf("%s: inside %d times, refused %d times", op.what, inside, refused)
	}
	end()
	names, err := os.ReadDir(outside)
	if b, err2 := os.ReadFile(filepath.Join(outside, "f")); len(names) != 1 || string(b) != "secret" || err != nil || err2 != nil {
		t.Errorf("outside is changed: %v, %q, %v, %v", names, b, err, err2)
	}
}

// TestFileQuota: the number of open files is limited, and a drop frees one.
func TestFileQuota(t *testing.T) {
	host := t.TempDir()
	write(t, filepath.Join(host, "f"), "x")
	g := serve(t, wasi.Config{Preopens: []filesystem.Preopen{{Host: host, Guest: "/"}}, Files: 3}, noHTTP)
	root := g.ok("filesystem/preopens#get-directories").([][]any)[0][0].(*cm.Resource)
	a, b := g.open(root, "f", none, []string{"read"}), g.open(root, "f", none, []string{"read"})
	g.fail("insufficient-memory", files+"descriptor.open-at", root, follow, "f", none, []string{"read"})
	g.fail("insufficient-memory", files+"descriptor.read-directory", root)
	g.drop(a, b)
	g.drop(g.open(root, "f", none, []string{"read"}))
}

// TestPreopensOverQuota: a guest gets as many of its folders as it may have open, at each call.
func TestPreopensOverQuota(t *testing.T) {
	folders := []filesystem.Preopen{{Host: t.TempDir(), Guest: "/a"}, {Host: t.TempDir(), Guest: "/b"}, {Host: t.TempDir(), Guest: "/c"}}
	g := serve(t, wasi.Config{Preopens: folders, Files: 2}, noHTTP)
	for range 3 {
		dirs := g.ok("filesystem/preopens#get-directories").([][]any)
		if len(dirs) != 2 || dirs[0][1] != "/a" || dirs[1][1] != "/b" {
			t.Fatalf("%v", dirs)
		}
		g.equal([][]any{}, "filesystem/preopens#get-directories")
		g.drop(dirs[1][0].(*cm.Resource))
		one := g.ok("filesystem/preopens#get-directories").([][]any)
		if len(one) != 1 {
			t.Fatalf("%v", one)
		}
		g.drop(dirs[0][0].(*cm.Resource), one[0][0].(*cm.Resource))
	}
}

// TestOtherFileSystem writes to a full file system, checks the error's code, and that links between two file systems fail.
func TestOtherFileSystem(t *testing.T) {
	host := t.TempDir()
	write(t, filepath.Join(host, "f"), "x")
	g := serve(t, wasi.Config{Preopens: []filesystem.Preopen{{Host: "/dev", Guest: "/dev"}, {Host: host, Guest: "/tmp"}}}, noHTTP)
	dirs := g.ok("filesystem/preopens#get-directories").([][]any)
	dev, tmp := dirs[0][0].(*cm.Resource), dirs[1][0].(*cm.Resource)
	g.fail("cross-device", files+"descriptor.rename-at", tmp, "f", dev, "f")
	g.fail("cross-device", files+"descriptor.link-at", tmp, none, "f", dev, "f")
	f := g.open(dev, "full", none, []string{"write"})
	g.equal("character-device", files+"descriptor.get-type", f)
	g.fail("insufficient-space", files+"descriptor.write", f, []byte("x"), 0)
	s := g.res(files+"descriptor.write-via-stream", f, 0)
	e := g.ioError(g.fail("last-operation-failed", "io/streams#output-stream.blocking-write-and-flush", s, []byte("x")))
	if c := g.ok(files+"filesystem-error-code", e).(*string); c == nil || *c != "insufficient-space" {
		t.Errorf("its code is %v", c)
	}
	record(t, files+"filesystem-error-code", "insufficient-space")
}
