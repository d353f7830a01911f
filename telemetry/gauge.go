package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/vitrine-wasm/vitrine/cm"
)

var _ cm.Gauges = (*interceptor)(nil)

// Gauge reports a state of a component each time metrics are read.
func (i *interceptor) Gauge(component cm.Path, g cm.Gauge) (stop func()) {
	p := i.service(component)
	if p.m == nil {
		return func() {}
	}
	name := prefix + g.Name
	gauge, err := p.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(g.Unit), metric.WithDescription(g.Help))
	if err == nil {
		var reg metric.Registration
		reg, err = p.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			g.Read(func(value int64, attrs ...cm.Attr) {
				kvs := make([]attribute.KeyValue, 0, len(attrs)+1)
				kvs = append(kvs, keyComponent.String(string(component)))
				for _, a := range attrs {
					if kv, ok := operationAttr(a); ok {
						kvs = append(kvs, kv)
					}
				}
				o.ObserveInt64(gauge, value, metric.WithAttributes(kvs...))
			})
			return nil
		}, gauge)
		if err == nil {
			return func() { _ = reg.Unregister() }
		}
	}
	i.t.log.Error("telemetry: cannot make an instrument", "name", name, "error", err.Error())
	return func() {}
}
