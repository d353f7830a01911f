package otel_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/otel"
)

// The plugin is passed in host.Config. What components record goes to the host's Observer, if that takes it.
func ExamplePlugin() {
	cfg := host.Config{Plugins: []host.Plugin{otel.Plugin{}}}
	for _, p := range cfg.Plugins {
		fmt.Println(p.Name(), "serves", p.Serves()[1])
	}
	// Output: otel serves wasi:otel/tracing@0.2.0-rc.2
}
