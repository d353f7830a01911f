package telemetry

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/pipeline"
)

// Buckets. Those of HTTP durations are recommended by the semantic conventions; calls across a boundary are mostly shorter, and
// their buckets begin at a microsecond.
var (
	bucketsHTTP  = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	bucketsCall  = []float64{1e-6, 5e-6, 25e-6, 100e-6, 500e-6, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	bucketsBytes = []float64{0, 128, 1 << 10, 8 << 10, 64 << 10, 512 << 10, 4 << 20, 32 << 20, 256 << 20, 1 << 30}
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

func (b builder) bytes(name, desc string) *bound.Sizes {
	h, err := b.meter.Sizes(name, "By", desc, bucketsBytes)
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
		serverRequest:  b.bytes("http.server.request.body.size", "Size of HTTP server request bodies."),
		serverResponse: b.bytes("http.server.response.body.size", "Size of HTTP server response bodies."),
		clientDuration: b.seconds("http.client.request.duration", "Duration of HTTP client requests.", bucketsHTTP),
		clientHead:     b.seconds(metricClientHead, "Time until the head of an HTTP client request's answer came.", bucketsHTTP),

		invocations:       b.counter(metricInvocations, "{invocation}", "Calls of exports."),
		invocationTime:    b.seconds(metricInvocationDuration, "Duration of calls of exports.", bucketsCall),
		invocationsActive: b.upDownCounter(metricInvocationsActive, "{invocation}", "Calls of exports that are under way."),
		guestTime:         b.seconds(metricGuestTime, "Time that calls of exports spent in guest code.", bucketsCall),
		hostCall:          b.seconds(metricHostCallDuration, "Duration of calls of imports that the host serves.", bucketsCall),
		guestCall:         b.seconds(metricGuestCallDuration, "Duration of calls from component to component.", bucketsCall),
		operation:         b.seconds(metricOperationDuration, "Duration of steps in the life of components and instances.", bucketsCall),
		memoryPeak:        b.bytes(metricMemoryPeak, "Largest size of an instance's memories by the end of a call."),
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
	m.active.make, m.operations.make = m.serverActive.With, m.operation.With
	m.messages.make = m.messageSeries
	m.client.make = func(attrs ...attribute.KeyValue) *clientSeries {
		return &clientSeries{m.clientDuration.With(attrs...), m.clientHead.With(attrs...)}
	}
	m.server.make = func(attrs ...attribute.KeyValue) *serverSeries {
		return &serverSeries{m.serverDuration.With(attrs...), m.serverRequest.With(attrs...), m.serverResponse.With(attrs...)}
	}
	return m
}

// observeDrops makes the metric of telemetry's own losses.
func (t *Telemetry) observeDrops() {
	if t.host.m == nil {
		return
	}
	_, err := t.host.meter.Total(metricDropped, "{item}", "Spans, log records and metrics that were lost on their way out.", func(tell bound.Observe) {
		for _, d := range t.Dropped() {
			if d.Count == 0 && (d.Reason == pipeline.ReasonQueueBytes || d.Reason == pipeline.ReasonRejected || d.Reason == pipeline.ReasonGuestShare) {
				continue // rare reasons have no series until they occur
			}
			tell(d.Count, keySignal.String(d.Signal), keyReason.String(d.Reason))
		}
	})
	if err != nil {
		t.log.Error("telemetry: cannot make an instrument", "name", metricDropped, "error", err.Error())
	}
}
