// Command render writes the base of kustomize that the chart stands for: render CHART OUT.
package main

import (
	"fmt"
	"os"

	"github.com/vitrine-wasm/vitrine/operator/internal/install"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want the folder of the chart and the file to write, had %d arguments", len(args))
	}
	text, err := install.Render(args[0], install.Namespace, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(args[1], text, 0o644)
}
