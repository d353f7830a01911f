package telemetry

import "go.opentelemetry.io/otel/attribute"

// scopeName is the instrumentation scope of everything that this package makes.
const scopeName = "github.com/vitrine-wasm/vitrine"

// prefix begins every name of our own.
const prefix = "vitrine."

// Attribute keys of our own. Times are in seconds, sizes in bytes.
const (
	keyWorkload      = attribute.Key(prefix + "workload.name")
	keyNamespace     = attribute.Key(prefix + "workload.namespace")
	keyComponent     = attribute.Key(prefix + "component")
	keyCaller        = attribute.Key(prefix + "caller")
	keyInterface     = attribute.Key(prefix + "interface")
	keyFunction      = attribute.Key(prefix + "function")
	keyInstanceID    = attribute.Key(prefix + "instance.id")
	keyInstanceReuse = attribute.Key(prefix + "instance.reuse")
	keyGuestTime     = attribute.Key(prefix + "guest.time")
	keyHostTime      = attribute.Key(prefix + "host.time")
	keyWaitTime      = attribute.Key(prefix + "wait.time")
	keyFuel          = attribute.Key(prefix + "fuel")
	keyMemoryPeak    = attribute.Key(prefix + "memory.peak")
	keyBlame         = attribute.Key(prefix + "blame")
	keyOutcome       = attribute.Key(prefix + "outcome")
	keyResult        = attribute.Key(prefix + "result")
	keyResultError   = attribute.Key(prefix + "result.error")
	keyTrapCode      = attribute.Key(prefix + "trap.code")
	keyOperation     = attribute.Key(prefix + "operation")
	keyLogContext    = attribute.Key(prefix + "log.context")
	keyLogTruncated  = attribute.Key(prefix + "log.truncated")
	keyLimit         = attribute.Key(prefix + "limit")
	keySignal        = attribute.Key(prefix + "signal")
	keyReason        = attribute.Key(prefix + "reason")
)

// Metric names of our own.
const (
	metricInvocations        = prefix + "invocations"
	metricInvocationDuration = prefix + "invocation.duration"
	metricInvocationsActive  = prefix + "invocations.active"
	metricGuestTime          = prefix + "invocation.guest_time"
	metricHostCallDuration   = prefix + "host_call.duration"
	metricGuestCallDuration  = prefix + "guest_call.duration"
	metricOperationDuration  = prefix + "operation.duration"
	metricMemoryPeak         = prefix + "memory.peak"
	metricFuel               = prefix + "fuel"
	metricTraps              = prefix + "traps"
	metricOutputDropped      = prefix + "output.dropped"
	metricDropped            = prefix + "telemetry.dropped"
)
