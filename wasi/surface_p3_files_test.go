package wasi_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
)

const file3 = files + "descriptor."

// folder3 makes a folder of the host with a file, and a guest of WASI 0.3 to which it is granted.
func folder3(t *testing.T) (g *guest, root *cm.Resource, host string) {
	t.Helper()
	host = filepath.Join(t.TempDir(), "granted")
	if err := os.Mkdir(host, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(host, "a.txt"), "hello")
	g = serve3(t, wasi.Config{Preopens: []filesystem.Preopen{{Host: host, Guest: "/data"}}}, noHTTP)
	dirs := g.ok("filesystem/preopens#get-directories").([][]any)
	if len(dirs) != 1 || dirs[0][1] != "/data" {
		t.Fatalf("preopens are %v", dirs)
	}
	return g, dirs[0][0].(*cm.Resource), host
}

func TestFileStreams3(t *testing.T) {
	g, root, host := folder3(t)
	f := g.res(file3+"open-at", root, follow, "a.txt", none, rw)
	s, ended := g.pair(file3+"read-via-stream", f, 1)
	if got := g.take("take-u8", s, 100); string(got.([]byte)) != "ello" {
		t.Errorf("%q", got)
	}
	g.await("ok", file3+"read-via-stream", "await-filesystem", ended)
	g.wait("ok", file3+"write-via-stream", g.ok(file3+"write-via-stream", f, g.give("give-u8", []byte("ipp")), 1))
	g.wait("ok", file3+"append-via-stream", g.ok(file3+"append-via-stream", f, g.give("give-u8", []byte("!!"))))
	if b, _ := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "hippo!!" {
		t.Errorf("the file has %q", b)
	}
	reads := g.res(file3+"open-at", root, follow, "a.txt", none, []string{"read"})
	g.await("bad-descriptor", file3+"write-via-stream", "await-filesystem", g.ok(file3+"write-via-stream", reads, g.bytes("x"), 0))
	g.await("bad-descriptor", file3+"append-via-stream", "await-filesystem", g.ok(file3+"append-via-stream", reads, g.bytes("x")))
	s, ended = g.pair(file3+"read-via-stream", root, 0)
	if got := g.take("take-u8", s, 1); len(got.([]byte)) != 0 {
		t.Errorf("%q", got)
	}
	g.await("is-directory", file3+"read-via-stream", "await-filesystem", ended)
	g.drop(reads, f)
}

func TestFolders3(t *testing.T) {
	g, root, _ := folder3(t)
	g.ok(file3+"create-directory-at", root, "sub")
	g.fail("exist", file3+"create-directory-at", root, "sub")
	g.ok(file3+"symlink-at", root, "a.txt", "link")
	g.equal("a.txt", file3+"readlink-at", root, "link")
	g.fail("invalid", file3+"readlink-at", root, "a.txt")
	s, ended := g.pair(file3+"read-directory", root)
	var names []string
	for _, e := range g.take("take-directory-entry", s, 10).([]map[string]any) {
		names = append(names, e["name"].(string)+" "+e["type"].(cm.Variant).Case)
	}
	slices.Sort(names)
	if want := []string{"a.txt regular-file", "link symbolic-link", "sub directory"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	g.await("ok", file3+"read-directory", "await-filesystem", ended)
	f := g.res(file3+"open-at", root, follow, "a.txt", none, rw)
	s, ended = g.pair(file3+"read-directory", f)
	g.take("take-directory-entry", s, 10)
	g.await("not-directory", file3+"read-directory", "await-filesystem", ended)
	g.ok(file3+"link-at", root, none, "a.txt", root, "b.txt")
	g.fail("no-entry", file3+"link-at", root, none, "none", root, "c")
	g.ok(file3+"rename-at", root, "b.txt", root, "c.txt")
	g.fail("no-entry", file3+"rename-at", root, "b.txt", root, "d")
	g.ok(file3+"unlink-file-at", root, "c.txt")
	g.fail("no-entry", file3+"unlink-file-at", root, "c.txt")
	g.ok(file3+"remove-directory-at", root, "sub")
	g.fail("no-entry", file3+"remove-directory-at", root, "sub")
	g.fail("exist", file3+"symlink-at", root, "a.txt", "link")
	g.fail("no-entry", file3+"open-at", root, follow, "sub/x", none, rw)
	g.fail("not-permitted", file3+"open-at", root, follow, "../x", none, rw)
}

func TestFileAttributes3(t *testing.T) {
	g, root, host := folder3(t)
	f := g.res(file3+"open-at", root, follow, "a.txt", none, rw)
	other := g.res(file3+"open-at", root, follow, "a.txt", none, rw)
	g.ok(file3+"advise", f, 0, 5, "sequential")
	g.ok(file3+"sync-data", f)
	g.ok(file3+"sync", f)
	if got := g.ok(file3+"get-flags", f).([]string); !slices.Equal(got, rw) {
		t.Errorf("%q", got)
	}
	if got := g.ok(file3+"get-type", f).(cm.Variant).Case; got != "regular-file" {
		t.Error(got)
	}
	g.ok(file3+"set-size", f, 3)
	g.fail("invalid", file3+"set-size", f, uint64(1)<<63)
	at := cm.Variant{Case: "timestamp", Value: map[string]any{"seconds": 1000, "nanoseconds": 500}}
	g.ok(file3+"set-times", f, at, "no-change")
	stat := g.ok(file3+"stat", f).(map[string]any)
	if stat["size"] != uint64(3) || (*stat["data-access-timestamp"].(*map[string]any))["seconds"] != int64(1000) {
		t.Errorf("%v", stat)
	}
	g.ok(file3+"set-times-at", root, follow, "a.txt", "now", at)
	g.fail("no-entry", file3+"set-times-at", root, follow, "none", "now", at)
	stat = g.ok(file3+"stat-at", root, follow, "a.txt").(map[string]any)
	if (*stat["data-modification-timestamp"].(*map[string]any))["nanoseconds"] != uint32(500) {
		t.Errorf("%v", stat)
	}
	g.fail("no-entry", file3+"stat-at", root, follow, "none")
	g.equal(true, file3+"is-same-object", f, other)
	g.equal(false, file3+"is-same-object", f, root)
	hash := g.ok(file3+"metadata-hash", f)
	g.equal(hash, file3+"metadata-hash-at", root, follow, "a.txt")
	g.fail("no-entry", file3+"metadata-hash-at", root, follow, "none")
	if b, _ := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "hel" {
		t.Errorf("%q", b)
	}
}
