package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/sqlitetest"
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
