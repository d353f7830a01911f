// Command crdgen writes the definitions: that of workloads of the document's schema, and those of hosts and assignments: crdgen SCHEMA WORKLOADS HOSTS.
package main

import (
	"errors"
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
	if len(args) != 3 {
		return fmt.Errorf("want the file of the schema and those of the two definitions, had %d arguments", len(args))
	}
	schema, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	text, err := crd.Make(schema)
	if err != nil {
		return err
	}
	hosts, err := crd.MakeHosts()
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(args[1], text, 0o644), os.WriteFile(args[2], hosts, 0o644))
}
