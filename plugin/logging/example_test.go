package logging_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
)

// The plugin is one of those in host.Config; components that import what it serves are given it.
func ExamplePlugin() {
	cfg := host.Config{Plugins: []host.Plugin{logging.Plugin{}}}
	for _, p := range cfg.Plugins {
		fmt.Println(p.Name(), "serves", p.Serves())
	}
	// Output: logging serves [wasi:logging/logging@0.1.0-draft]
}
