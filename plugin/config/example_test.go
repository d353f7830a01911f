package config_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/config"
)

// The plugin is passed in host.Config, and serves components that import its interface.
func ExamplePlugin() {
	cfg := host.Config{Plugins: []host.Plugin{config.Plugin{}}}
	for _, p := range cfg.Plugins {
		fmt.Println(p.Name(), "serves", p.Serves())
	}
	// Output: config serves [wasi:config/store@0.2.0-rc.1 wasi:config/store@0.2.0-draft-2024-09-27 fermyon:spin/variables@2.0.0 spin:variables/variables@3.0.0]
}
