package cli

import (
	"github.com/vitrine-wasm/vitrine/host"
)

// plugins is the one list of the plugins that ship.
func (p *process) plugins(out *host.Output, raw bool) []host.Plugin {
	return []host.Plugin{}
}
