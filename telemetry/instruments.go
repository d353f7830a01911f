package telemetry

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/pipeline"
)

// Buckets. Each is a series of each attribute set in a metrics store, so that there are few: those of HTTP durations are recommended by the
// semantic conventions, the others tell orders of magnitude apart. Whoever needs more asks for exponential histograms
// (OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION).
var (
	bucketsHTTP   = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	bucketsCall   = []float64{100e-6, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10}
	bucketsGuest  = []float64{100e-6, 0.001, 0.01, 0.1, 1}
	bucketsReset  = []float64{25e-6, 100e-6, 0.001, 0.01, 0.1, 1}                                // most operations on an instance take some microseconds
	bucketsBody   = []float64{1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20}                   // few bodies are larger than a page with its pictures
	bucketsMemory = []float64{1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 128 << 20} // most guests have 1 to 30 MB
)

// instruments are the instruments of one service. Names, units and attributes of http.* are those of the semantic
// conventions (http-metrics.md, v1.43).
type instruments struct {
	serverDuration *bound.Durations
	serverActive   *bound.Counter
	serverRequest  *bound.Sizes
	serverResponse *bound.Sizes
	clientDuration *bound.Durations
	clientHead     *bound.Durations

	invocations       *bound.Counter
	invocationTime    *bound.Durations
	invocationsActive *bound.Counter
	guestTime         *bound.Durations
	hostCall          *bound.Durations
	guestCall         *bound.Durations
	operation         *bound.Durations
	startup           *bound.Durations
	memoryPeak        *bound.Sizes
	fuel              *bound.Counter
	traps             *bound.Counter
	outputDropped     *bound.Counter
	limits            *bound.Counter
	irregular         *bound.Counter
	guestExports      *bound.Counter
	timerMissed       *bound.Counter
	messageSend       *bound.Durations
	messageSent       *bound.Counter
	messageProcess    *bound.Durations
	messageConsumed   *bound.Counter

	// Attribute sets that are bound when they first occur, not when a component is linked.
	active     attributeSets[activeKey, *bound.Adder]
	server     attributeSets[serverKey, *serverSeries]
	client     attributeSets[clientKey, *clientSeries]
	operations attributeSets[operationKey, *bound.Timer]
	startups   attributeSets[operationKey, *bound.Timer]
	messages   attributeSets[messageKey, *messageSeries]
}

// serverSeries are the instruments of incoming requests with one attribute set.
type serverSeries struct {
	duration          *bound.Timer
	request, response *bound.Sizer
}

// clientSeries are the instruments of outgoing requests with one attribute set.
type clientSeries struct{ duration, head *bound.Timer }

// builder makes instruments and logs errors: a name that the SDK refuses is a mistake in this file.
type builder struct {
	meter *bound.Meter
	log   *slog.Logger
}

func (b builder) check(name string, err error) {
	if err != nil {
		b.log.Error("telemetry: cannot make an instrument", "name", name, "error", err.Error())
	}
}

func (b builder) seconds(name, desc string, buckets []float64) *bound.Durations {
	h, err := b.meter.Durations(name, desc, buckets)
	b.check(name, err)
	return h
}

func (b builder) bytes(name, desc string, buckets []float64) *bound.Sizes {
	h, err := b.meter.Sizes(name, "By", desc, buckets)
	b.check(name, err)
	return h
}

func (b builder) counter(name, unit, desc string) *bound.Counter {
	c, err := b.meter.Counter(name, unit, desc)
	b.check(name, err)
	return c
}

func (b builder) upDownCounter(name, unit, desc string) *bound.Counter {
	c, err := b.meter.UpDownCounter(name, unit, desc)
	b.check(name, err)
	return c
}

func newInstruments(meter *bound.Meter, log *slog.Logger) *instruments {
	b := builder{meter, log}
	m := &instruments{
		serverDuration: b.seconds("http.server.request.duration", "Duration of HTTP server requests.", bucketsHTTP),
		serverActive:   b.upDownCounter("http.server.active_requests", "{request}", "Number of active HTTP server requests."),
		serverRequest:  b.bytes("http.server.request.body.size", "Size of HTTP server request bodies.", bucketsBody),
		serverResponse: b.bytes("http.server.response.body.size", "Size of HTTP server response bodies.", bucketsBody),
		clientDuration: b.seconds("http.client.request.duration", "Duration of HTTP client requests.", bucketsHTTP),
		clientHead:     b.seconds(metricClientHead, "Time until the head of an HTTP client request's answer came.", bucketsHTTP),

		invocations:       b.counter(metricInvocations, "{invocation}", "Calls of exports."),
		invocationTime:    b.seconds(metricInvocationDuration, "Duration of calls of exports.", bucketsCall),
		invocationsActive: b.upDownCounter(metricInvocationsActive, "{invocation}", "Calls of exports that are under way."),
		guestTime:         b.seconds(metricGuestTime, "Time that calls of exports spent in guest code.", bucketsGuest),
		hostCall:          b.seconds(metricHostCallDuration, "Duration of calls of imports that the host serves.", bucketsCall),
		guestCall:         b.seconds(metricGuestCallDuration, "Duration of calls from component to component.", bucketsCall),
		operation:         b.seconds(metricOperationDuration, "Duration of steps in the life of instances and connections.", bucketsReset),
		startup:           b.seconds(metricStartupDuration, "Duration of steps in the start of workloads and components.", nil),
		memoryPeak:        b.bytes(metricMemoryPeak, "Largest size of an instance's memories by the end of a call.", bucketsMemory),
		fuel:              b.counter(metricFuel, "{unit}", "Guest work done, in loop iterations and function entries."),
		traps:             b.counter(metricTraps, "{trap}", "Traps, by code."),
		outputDropped:     b.counter(metricOutputDropped, "{line}", "Lines that were left out because they were over a limit."),
		irregular:         b.counter(metricIrregular, "{record}", "Irregularities of the records that components make themselves, by reason."),
		guestExports:      b.counter(metricGuestExports, "{request}", "Requests by which components exported telemetry of their own to the host, by status."),
		messageSend:       b.seconds("messaging.client.operation.duration", "Duration of operations that send messages.", bucketsHTTP),
		messageSent:       b.counter("messaging.client.sent.messages", "{message}", "Messages that components have tried to send."),
		messageProcess:    b.seconds("messaging.process.duration", "Duration of the handling of messages.", bucketsHTTP),
		messageConsumed:   b.counter("messaging.client.consumed.messages", "{message}", "Messages that were brought to components."),
		timerMissed:       b.counter(metricTimerMissed, "{tick}", "Times of timers that came while a run was under way, and had no run of their own."),
		limits:            b.counter(metricLimits, "{limit}", "Limits that guests reached without a trap, by limit."),
	}
	m.active.make, m.operations.make, m.startups.make = m.serverActive.With, m.operation.With, m.startup.With
	m.messages.make = m.messageSeries
	m.client.make = func(attrs ...attribute.KeyValue) *clientSeries {
		return &clientSeries{m.clientDuration.With(attrs...), m.clientHead.With(attrs...)}
	}
	m.server.make = func(attrs ...attribute.KeyValue) *serverSeries {
		return &serverSeries{m.serverDuration.With(attrs...), m.serverRequest.With(attrs...), m.serverResponse.With(attrs...)}
	}
	return m
}

// expectsDrops says that a loss has a series before it occurs, so that its first occurrence is a rise: the common ones of signals that are exported.
func (t *Telemetry) expectsDrops(d Drop) bool {
	exported := map[string]bool{"traces": t.pipe.Traces(), "metrics": t.pipe.Metrics(), "logs": t.pipe.Logs()}[d.Signal]
	return exported && (d.Reason == pipeline.ReasonExport || d.Reason == pipeline.ReasonQueueFull && d.Signal != "metrics")
}

// observeDrops makes the metric of telemetry's own losses.
func (t *Telemetry) observeDrops() {
	if t.host.m == nil {
		return
	}
	_, err := t.host.meter.Total(metricDropped, "{item}", "Spans, log records and metrics that were lost on their way out.", func(tell bound.Observe) {
		for _, d := range t.Dropped() {
			if d.Count == 0 && !t.expectsDrops(d) {
				continue
			}
			tell(d.Count, keySignal.String(d.Signal), keyReason.String(d.Reason))
		}
	})
	if err != nil {
		t.log.Error("telemetry: cannot make an instrument", "name", metricDropped, "error", err.Error())
	}
}
