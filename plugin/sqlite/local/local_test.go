package local_test

import (
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/sqlitetest"
)

func TestFile(t *testing.T) {
	sqlitetest.Run(t, func(t *testing.T) sqlite.Backend {
		f, err := local.OpenFile(t.Context(), local.Config{Path: filepath.Join(t.TempDir(), "a b?c#d%.db"), Size: "64Mi"})
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
}

func TestMemory(t *testing.T) {
	sqlitetest.Run(t, func(*testing.T) sqlite.Backend { return local.NewMemory(0) })
}
