// Command crdgen writes the definition of workloads: crdgen SCHEMA OUT.
package main

import (
	"fmt"
	"os"

	"github.com/vitrine-wasm/vitrine/operator/internal/crd"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crdgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want the file of the schema and that of the definition, had %d arguments", len(args))
	}
	schema, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	text, err := crd.Make(schema)
	if err != nil {
		return err
	}
	return os.WriteFile(args[1], text, 0o644)
}
