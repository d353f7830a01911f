package cli

import (
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
)

// plugins is the one list in code of the plugins that ship; the triggers are named by the commands that use them. raw
// gives guests the process's own standard streams.
func (p *process) plugins(raw bool) []host.Plugin {
	var streams hostwasi.Config
	if raw {
		streams.Stdin, streams.Stdout, streams.Stderr = p.stdin, p.stdout, p.stderr
	}
	return []host.Plugin{
		hostwasi.New(streams),
		config.Plugin{},
		logging.Plugin{},
		keyvalue.New(kvmemory.New(0)),
		blobstore.New(blobmemory.New(0)),
	}
}
