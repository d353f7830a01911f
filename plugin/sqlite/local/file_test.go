package local_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/sqlitetest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestFiles: the database's files are for their owner alone, and those beside it are gone when it is closed.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := local.OpenFile(t.Context(), local.Config{Path: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Open(t.Context(), sqlite.Owner{}, "default")
	if err != nil {
		t.Fatal(err)
	}
	sqlitetest.Query(t, c, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
	files := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
			}
		}
		return names
	}
	if names := files(); len(names) < 2 {
		t.Errorf("%q", names)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if names := files(); len(names) != 1 {
		t.Errorf("%q", names)
	}
}

// TestPing: a file that is damaged while it is in use counts as down until it is whole again; a database whose connections are all in use is
// there.
func TestPing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	openFile := func() *local.File {
		t.Helper()
		f, err := local.OpenFile(t.Context(), local.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := openFile()
	ping := func(want string) {
		t.Helper()
		err := f.Ping(t.Context())
		if got := backend.DownReason(err); got != want {
			t.Errorf("down by %q, wanted %q: %v", got, want, err)
		}
	}
	ping("")
	c, err := f.Open(t.Context(), sqlite.Owner{}, "default")
	if err != nil {
		t.Fatal(err)
	}
	sqlitetest.Query(t, c, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
	if err := errors.Join(c.Close(), f.Close()); err != nil { // now all is in the file itself
		t.Fatal(err)
	}
	f = openFile()
	defer f.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteAt(data, 0)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write(bytes.Repeat([]byte("x"), len(whole)))
	ping(workload.BackendStorage)
	write(whole)
	ping("")

	var all []sqlite.Conn
	for {
		c, err := f.Open(t.Context(), sqlite.Owner{}, "default")
		if err != nil {
			break
		}
		all = append(all, c)
	}
	ping("")
	for _, c := range all {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
