package cli

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/trigger/timer"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Ships is what a program is made of besides the command line: add to what Standard gives, or list what is to be there.
type Ships struct {
	// Plugins serve what components import. WASI is not among them: every program serves it, for `run` with its own standard
	// streams. They serve one command, and so one host. One with a method Backends() []string, as keyvalue and blobstore have,
	// names the backends that grants under its own name may ask for.
	Plugins []host.Plugin
	// Triggers are the types that a manifest may name. A component without a manifest is reached by the first that is Alone.
	Triggers []Trigger
}

// Trigger is one type of trigger.
type Trigger struct {
	Type workload.TriggerType
	// New makes it for a workload that has triggers of the type; nil where the type is for later.
	New func(TriggerConfig) (host.Trigger, error)
}

// TriggerConfig is what the command line has to say to a trigger.
type TriggerConfig struct {
	Workload *workload.Spec
	Listen   []string      // --listen: addresses as of http.Config.Listen; none: the trigger's own
	Drain    time.Duration // --drain: how long what runs may go on once the program is to end
	Logger   *slog.Logger
}

// Listener is an optional power of triggers that wait for connections: they are asked to listen before anything that takes long,
// since the address is the likeliest mistake, and the addresses are what `up` tells when it is ready.
type Listener interface {
	Listen() error
	Addrs() []net.Addr
}

// Standard is what vitrine ships.
func Standard() Ships {
	return Ships{
		Plugins: []host.Plugin{
			config.Plugin{},
			logging.Plugin{},
			keyvalue.New(kvmemory.New(0)),
			blobstore.New(blobmemory.New(0)),
		},
		Triggers: []Trigger{
			{Type: http.Type(), New: newHTTP},
			{Type: timer.Type()},
		},
	}
}

func newHTTP(c TriggerConfig) (host.Trigger, error) {
	config := http.Config{Listen: "127.0.0.1:3000", Grace: c.Drain, Logger: c.Logger}
	if len(c.Listen) > 0 {
		config.Listen, config.Also = c.Listen[0], c.Listen[1:]
	}
	for _, c := range c.Workload.Components {
		config.MaxHeader = max(config.MaxHeader, int(c.Limits.Filled().Headers))
	}
	return http.New(config), nil
}

// format is the manifest's format with what ships.
func (s *Ships) format() *app.Format {
	f := &app.Format{}
	for _, t := range s.Triggers {
		f.Triggers = append(f.Triggers, t.Type)
	}
	f.Backends = map[string][]string{}
	for _, p := range s.Plugins {
		if b, ok := p.(interface{ Backends() []string }); ok {
			f.Backends[p.Name()] = b.Backends()
		}
	}
	return f
}

// triggers makes those that the workload names.
func (s *Ships) triggers(c TriggerConfig) ([]host.Trigger, error) {
	var made []host.Trigger
	for _, t := range s.Triggers {
		if t.New == nil || !slices.ContainsFunc(c.Workload.Triggers, func(w workload.TriggerSpec) bool { return w.Type == t.Type.Name }) {
			continue
		}
		trigger, err := t.New(c)
		if err != nil {
			return made, fmt.Errorf("trigger %s: %w", t.Type.Name, err)
		}
		made = append(made, trigger)
	}
	return made, nil
}

// plugins are those that ship, and WASI. raw gives guests the process's own standard streams.
func (p *process) plugins(raw bool) []host.Plugin {
	var streams hostwasi.Config
	if raw {
		streams.Stdin, streams.Stdout, streams.Stderr = p.stdin, p.stdout, p.stderr
	}
	return append([]host.Plugin{hostwasi.New(streams)}, p.ships.Plugins...)
}
