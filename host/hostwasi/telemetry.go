package hostwasi

import (
	"context"
	"net/url"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wasi/otel/otlp"
)

// Variables by which OpenTelemetry's SDKs are configured.
const (
	envEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envService  = "OTEL_SERVICE_NAME"
	envResource = "OTEL_RESOURCE_ATTRIBUTES"
)

const serviceName = "service.name"

// telemetryEnvironment is the variables by which a stock SDK in a component sends to the host's collector, under the component's
// identity. There are none where nobody takes what the component tells. Another endpoint in the component's environment is one that its
// operator has chosen, protocol and all.
func telemetryEnvironment(b *host.Binding) map[string]string {
	env := map[string]string{}
	d, ok := b.Telemetry.(otel.Described)
	if !ok {
		return env
	}
	var rest []string
	for _, kv := range d.Service() {
		text, _ := kv.Value.(string)
		if kv.Key == serviceName {
			env[envService] = text
		} else {
			rest = append(rest, kv.Key+"="+url.PathEscape(text))
		}
	}
	if len(rest) > 0 {
		env[envResource] = strings.Join(rest, ",")
	}
	if len(env) == 0 {
		return env
	}
	if _, own := b.Component.Environment[envEndpoint]; !own {
		env[envEndpoint], env[envProtocol] = otlp.Endpoint, otlp.Protocol
	}
	return env
}

// commandContext gives a command the context of the span that it runs in, as variables (OpenTelemetry, environment variables as context
// propagation carriers): a command has no request that could carry it.
func commandContext(t otel.Sink) func(context.Context) []wasi.KV {
	if t == nil {
		return nil
	}
	return func(ctx context.Context) []wasi.KV {
		if !inCommand(ctx) {
			return nil
		}
		sc := t.Outer(ctx)
		if !sc.IsValid() {
			return nil
		}
		flags := "00"
		if sc.Sampled {
			flags = "01"
		}
		env := []wasi.KV{{Name: "TRACEPARENT", Value: "00-" + sc.TraceID.String() + "-" + sc.SpanID.String() + "-" + flags}}
		if len(sc.State) > 0 {
			var entries []string
			for _, e := range sc.State {
				entries = append(entries, e.Key+"="+e.Value)
			}
			env = append(env, wasi.KV{Name: "TRACESTATE", Value: strings.Join(entries, ",")})
		}
		return env
	}
}

// inCommand says whether the call in ctx is part of a run of a command.
func inCommand(ctx context.Context) bool {
	for c := cm.CallFrom(ctx); c != nil; c = c.Parent {
		if id := c.Boundary.Interface; c.Boundary.Kind == cm.HostToGuest && id.Namespace == "wasi" && id.Package == "cli" && id.Interface == "run" {
			return true
		}
	}
	return false
}
