package telemetry

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
)

var _ cm.Gauges = (*interceptor)(nil)

// Gauge reads a component's gauge each time metrics are collected, until stop is called.
func (i *interceptor) Gauge(component cm.Path, g cm.Gauge) (stop func()) {
	p := i.service(component)
	if p.m == nil {
		return func() {}
	}
	name := prefix + g.Name
	stop, err := p.meter.Gauge(name, g.Unit, g.Help, func(tell bound.Observe) {
		g.Read(func(value int64, attrs ...cm.Attr) {
			kvs := p.part(component)
			for _, a := range attrs {
				if kv, ok := operationAttr(a); ok {
					kvs = append(kvs, kv)
				}
			}
			tell(value, kvs...)
		})
	})
	if err != nil {
		i.t.log.Error("telemetry: cannot make an instrument", "name", name, "error", err.Error())
		return func() {}
	}
	return stop
}
