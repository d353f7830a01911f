// Command vitrine runs WebAssembly components and shows everything that crosses their borders.
package main

import (
	"os"

	"github.com/vitrine-wasm/vitrine/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.Standard())) }
