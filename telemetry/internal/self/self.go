// Package self measures the process itself: Go's runtime (go.*) and what the operating system says (process.*), by names, units and attributes of
// OpenTelemetry's conventions. What it measures is made of numbers alone: no text of others is in it.
package self

import (
	"context"
	"errors"
	"time"

	goruntime "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/processconv"

	"github.com/vitrine-wasm/vitrine/internal/process"
)

// began is when the program was loaded, which is as good as when the process began.
var began = time.Now()

// Measure has a provider collect the metrics, those of the process in a scope of this name and version, until the provider ends.
func Measure(mp metric.MeterProvider, scope, version string) error {
	return errors.Join(
		goruntime.Start(goruntime.WithMeterProvider(mp)),
		observeProcess(mp.Meter(scope, metric.WithInstrumentationVersion(version), metric.WithSchemaURL(semconv.SchemaURL))),
	)
}

// observeProcess makes the instruments of the process (process-metrics.md, v1.43). What the system does not say is not measured.
func observeProcess(m metric.Meter) error {
	var errs []error
	check := func(err error) { errs = append(errs, err) }
	cpu, err := processconv.NewCPUTime(m)
	check(err)
	resident, err := processconv.NewMemoryUsageObservable(m)
	check(err)
	virtual, err := processconv.NewMemoryVirtualObservable(m)
	check(err)
	threads, err := processconv.NewThreadCountObservable(m)
	check(err)
	descriptors, err := processconv.NewUnixFileDescriptorCountObservable(m)
	check(err)
	uptime, err := m.Float64ObservableGauge(processconv.Uptime{}.Name(), metric.WithUnit(processconv.Uptime{}.Unit()), metric.WithDescription(processconv.Uptime{}.Description()))
	check(err)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	user := metric.WithAttributes(cpu.AttrCPUMode(processconv.CPUModeUser))
	system := metric.WithAttributes(cpu.AttrCPUMode(processconv.CPUModeSystem))
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := process.Read()
		for in, v := range map[metric.Int64Observable]int64{resident.Inst(): s.Resident, virtual.Inst(): s.Virtual,
			threads.Inst(): s.Threads, descriptors.Inst(): s.Descriptors} {
			if v >= 0 {
				o.ObserveInt64(in, v)
			}
		}
		if s.User >= 0 {
			o.ObserveFloat64(cpu.Inst(), s.User.Seconds(), user)
			o.ObserveFloat64(cpu.Inst(), s.System.Seconds(), system)
		}
		o.ObserveFloat64(uptime, time.Since(began).Seconds())
		return nil
	}, cpu.Inst(), resident.Inst(), virtual.Inst(), threads.Inst(), descriptors.Inst(), uptime)
	return err
}
