package cm

// Gauge is a number that stands for a state: read when telemetry is exported, not when it changes.
type Gauge struct {
	Name string // "instances"; telemetry puts its own prefix before it
	Unit string // "{instance}", "By"
	Help string
	// Read gives the value of each row; rows have the same attributes each time. It is called from any goroutine and must
	// not block.
	Read func(observe func(value int64, attrs ...Attr))
}

// Gauges is an optional power of an Interceptor: it takes gauges of a component, until stop is called.
type Gauges interface {
	Gauge(component Path, g Gauge) (stop func())
}

// Watch hands a gauge to i if it has the power, and does nothing otherwise; i may be nil.
func Watch(i Interceptor, component Path, g Gauge) (stop func()) {
	if w, ok := i.(Gauges); ok {
		return w.Gauge(component, g)
	}
	return func() {}
}
