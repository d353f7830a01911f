package local_test

import (
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
)

// BenchmarkFile is what a connection and statements of a file cost.
func BenchmarkFile(b *testing.B) {
	f, err := local.OpenFile(b.Context(), local.Config{Path: filepath.Join(b.TempDir(), "x.db")})
	if err != nil {
		b.Fatal(err)
	}
	open := func() sqlite.Conn {
		c, err := f.Open(b.Context(), sqlite.Owner{}, "default")
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	query := func(c sqlite.Conn, s string, args ...sqlite.Value) {
		if _, err := c.Query(b.Context(), s, args, func(int) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	c := open()
	defer c.Close()
	query(c, "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 'b')")
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := open().Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("select", func(b *testing.B) {
		for b.Loop() {
			query(c, "SELECT v FROM t WHERE k = ?", "a")
		}
	})
	b.Run("update", func(b *testing.B) {
		for b.Loop() {
			query(c, "UPDATE t SET v = ? WHERE k = ?", "c", "a")
		}
	})
}
