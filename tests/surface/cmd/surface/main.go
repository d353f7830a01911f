// Command surface writes testdata/surface/surface.wat of the module whose folder is its argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vitrine-wasm/vitrine/tests/surface"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "surface:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	text, err := surface.WASI(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, filepath.FromSlash(surface.File)), []byte(text), 0o644)
}
