// Command product is vitrine with one more plugin: its components may import example:product/crier.
package main

import (
	"os"

	"github.com/vitrine-wasm/vitrine/cli"
	"github.com/vitrine-wasm/vitrine/examples/embed/product/crier"
)

func main() {
	ships := cli.Standard()
	ships.Plugins = append(ships.Plugins, crier.Plugin{})
	os.Exit(cli.Main(os.Args[1:], ships))
}
