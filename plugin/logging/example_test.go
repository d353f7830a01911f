package logging_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
)

// The plugin is passed in host.Config, and serves components that import its interface.
func ExamplePlugin() {
	cfg := host.Config{Plugins: []host.Plugin{logging.Plugin{}}}
	for _, p := range cfg.Plugins {
		fmt.Println(p.Name(), "serves", p.Serves())
	}
	// Output: logging serves [wasi:logging/logging@0.1.0-draft]
}
