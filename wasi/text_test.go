package wasi_test

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
)

// TestConfigText: configuration that is not UTF-8 is refused, and the error does not disclose a secret in it.
func TestConfigText(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	dir := t.TempDir()
	for name, q := range map[string]struct {
		cfg  wasi.Config
		says string
	}{
		"argument": {wasi.Config{Args: []string{"ok", "secret\xff"}}, "argument 1"},
		"value":    {wasi.Config{Env: []wasi.KV{{Name: "KEY", Value: "secret\xff"}}}, `"KEY"`},
		"name":     {wasi.Config{Env: []wasi.KV{{Name: "\xff", Value: "secret"}}}, `"\xff"`},
		"cwd":      {wasi.Config{Cwd: "/\xff"}, `"/\xff"`},
		"preopen":  {wasi.Config{Preopens: []filesystem.Preopen{{Host: dir, Guest: "/\xff"}}}, `"/\xff"`},
	} {
		err := wasi.Add(engine.NewLinker(nil), q.cfg)
		if err == nil || !strings.Contains(err.Error(), q.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
