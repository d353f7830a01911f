// Command bindgen writes Go bindings from WIT, for go tool and go:generate; it is `vitrine bindgen` by itself.
//
//	go get -tool github.com/vitrine-wasm/vitrine/bindgen/cmd/bindgen
//	go tool bindgen --help
package main

import (
	"fmt"
	"os"

	"github.com/vitrine-wasm/vitrine/bindgen/command"
)

func main() {
	cmd := command.New(os.Stdout)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.Execute()
	if err == nil {
		return
	}
	for _, e := range command.Errors(err) {
		fmt.Fprintln(os.Stderr, "bindgen:", e)
	}
	os.Exit(1)
}
