package secrets_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/secrets"
	"github.com/vitrine-wasm/vitrine/workload"
)

// The plugin is passed in host.Config; a component's grants say where its secrets are.
func ExamplePlugin() {
	cfg := host.Config{Plugins: []host.Plugin{secrets.Plugin{}}}
	grants := workload.Grants{Secrets: map[string]workload.Secret{"api-key": {Env: "API_KEY"}, "cert": {File: "cert.pem"}}}
	for _, p := range cfg.Plugins {
		fmt.Println(p.Name(), "serves", len(p.Serves()), "interfaces over", len(grants.Secrets), "grants")
	}
	// Output: secrets serves 3 interfaces over 2 grants
}
