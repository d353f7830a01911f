package binary_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// prebuilt gives the real components that stand beside the module, and skips without them.
func prebuilt(t *testing.T) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "guests", "prebuilt", "*.wasm"))
	if len(files) == 0 {
		t.Skip("no ../shared/guests/prebuilt beside the module: nothing to decode")
	}
	return files
}

func TestDecodePrebuilt(t *testing.T) {
	for _, file := range prebuilt(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			wasm, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := binary.Decode(wasm)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Defs) == 0 {
				t.Error("no definitions")
			}
		})
	}
}
