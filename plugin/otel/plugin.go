// Package otel serves wasi:otel to components: what a component records of itself in OpenTelemetry's terms goes to the host's
// telemetry of that component. It needs no grant, since it reaches nothing else.
//
// The package converts the WIT's records, in which identifiers are hexadecimal text and values are JSON, to those of package
// [github.com/vitrine-wasm/vitrine/wasi/otel]; what becomes of them is the sink's. No record makes a call trap. What is
// no identifier is none, what is no JSON is text, and the sink is told how often that was so.
package otel

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wit"
)

// versions are the versions of wasi:otel that are served. They have the same types. The second is also that of the proposal's
// later state, in which current-span-context takes the place of outer-span-context; both functions are defined, and a
// component imports the one that it knows.
var versions = []string{"0.2.0-rc.2", "0.2.0-rc.1"}

// Plugin serves wasi:otel 0.2.0-rc.1 and 0.2.0-rc.2.
type Plugin struct{}

var _ host.Plugin = Plugin{}

// Name implements host.Plugin.
func (Plugin) Name() string { return "otel" }

// Serves implements host.Plugin.
func (Plugin) Serves() []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, v := range versions {
		for _, id := range []wit.InterfaceID{bindings.TypesID, bindings.TracingID, bindings.LogsID, bindings.MetricsID} {
			id.Version = v
			out = append(out, id)
		}
	}
	return out
}

// Bind implements host.Plugin.
func (Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	Add(l, b.Telemetry)
	return nil, nil
}

// Add defines wasi:otel in a linker, for programs without workloads. The sink may be [otel.Discard].
func Add(l *component.Linker, sink otel.Sink) {
	for _, v := range versions {
		define(l, bindings.TracingID, v, bindings.TracingFuncs(tracing{sink}))
		define(l, bindings.LogsID, v, bindings.LogsFuncs(logs{sink}))
		define(l, bindings.MetricsID, v, bindings.MetricsFuncs(metrics{sink}))
	}
}

func define(l *component.Linker, id wit.InterfaceID, version string, funcs []cm.HostDef) {
	id.Version = version
	h := l.Instance(id)
	for _, f := range funcs {
		h.Define(f)
	}
}
