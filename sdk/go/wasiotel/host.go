package wasiotel

import (
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// host is wasi:otel. Tests have one of their own.
type host interface {
	onStart(bindings.SpanContext)
	onEnd(bindings.SpanData)
	spanContext() bindings.SpanContext
	onEmit(bindings.LogRecord)
	export(bindings.ResourceMetrics) error
}

// theHost is the host of the component, or nil where there is none.
func theHost() host {
	if cabi.InComponent {
		return component{}
	}
	return nil
}

// component calls what the component imports. Only what a program uses is imported: a method that nothing calls has no import.
type component struct{}

func (component) onStart(c bindings.SpanContext)    { bindings.TracingOnStart(c) }
func (component) onEnd(s bindings.SpanData)         { bindings.TracingOnEnd(s) }
func (component) spanContext() bindings.SpanContext { return hostSpanContext() }
func (component) onEmit(r bindings.LogRecord)       { bindings.LogsOnEmit(r) }
func (component) export(metrics bindings.ResourceMetrics) error {
	return bindings.MetricsExport(metrics)
}
