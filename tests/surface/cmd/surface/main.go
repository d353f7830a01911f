// Command surface writes the texts of testdata/surface of the module whose folder is its argument.
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
	for _, s := range surface.All {
		text, err := s.Text(root)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(s.File)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
