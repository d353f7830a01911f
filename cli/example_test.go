package cli_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/cli"
)

// A program of one's own runs the command line with its plugins and triggers.
func Example() {
	ships := cli.Standard()
	// ships.Plugins = append(ships.Plugins, …)
	status := cli.Main([]string{"check", "testdata/ok.wasm"}, ships)
	fmt.Println(status == cli.ExitOK)
	// Output:
	// ok: ok, 1 component; vitrine run would run it
	// true
}
