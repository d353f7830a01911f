package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

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
	keyInstanceUse   = attribute.Key(prefix + "instance.use")
	keyIsolation     = attribute.Key(prefix + "instance.isolation")
	keyNotResettable = attribute.Key(prefix + keyNotReset)
	keyGuestTime     = attribute.Key(prefix + "guest.time")
	keyGuestTotal    = attribute.Key(prefix + "guest.time.total")
	keyCalleeTime    = attribute.Key(prefix + "callee.time")
	keyHostTime      = attribute.Key(prefix + "host.time")
	keyWaitTime      = attribute.Key(prefix + "wait.time")
	keyCalls         = attribute.Key(prefix + "calls")           // that the span stands for; their time and functions
	keyCallsTime     = attribute.Key(prefix + "calls.time")      // of all, without what was between them
	keyCallsLongest  = attribute.Key(prefix + "calls.longest")   // of one
	keyCallsFuncs    = attribute.Key(prefix + "calls.functions") // with how often each was called
	keyHeadTime      = attribute.Key(prefix + "http.head.time")  // from the start to the response's head
	keyBodyTime      = attribute.Key(prefix + "http.body.time")  // from the head to the last byte, without the stall
	keyStallTime     = attribute.Key(prefix + "http.stall.time") // no byte could come, because the component did not read
	keyFuel          = attribute.Key(prefix + "fuel")
	keyFuelTotal     = attribute.Key(prefix + "fuel.total")
	keyMemoryPeak    = attribute.Key(prefix + "memory.peak")
	keyBlame         = attribute.Key(prefix + "blame")
	keyOutcome       = attribute.Key(prefix + "outcome")
	keyResult        = attribute.Key(prefix + "result")
	keyResultError   = attribute.Key(prefix + "result.error")
	keyResultCause   = attribute.Key(prefix + "result.cause") // the host's cause of an error, which the guest does not see
	keyTrapCode      = attribute.Key(prefix + "trap.code")
	keyOperation     = attribute.Key(prefix + "operation")
	keyLogContext    = attribute.Key(prefix + "log.context")
	keyLogTruncated  = attribute.Key(prefix + "log.truncated")
	keyLimit         = attribute.Key(prefix + "limit")
	keySignal        = attribute.Key(prefix + "signal")
	keyReason        = attribute.Key(prefix + "reason")
	keyUnfinished    = attribute.Key(prefix + "unfinished")
	keyRestarts      = attribute.Key(prefix + "service.restarts") // before this run

	keyMessageAttempt = attribute.Key(prefix + "message.attempt") // 1 for a message that comes for the first time

	keyTimerScheduled = attribute.Key(prefix + "timer.scheduled")
	keyTimerDelay     = attribute.Key(prefix + "timer.delay")  // from the scheduled time to the event's start
	keyTimerMissed    = attribute.Key(prefix + "timer.missed") // scheduled times without an event since the one before
)

// Keys, encoded for spans.
var (
	attrWorkload      = span.NewKey(keyWorkload)
	attrComponent     = span.NewKey(keyComponent)
	attrInstanceID    = span.NewKey(keyInstanceID)
	attrInstanceReuse = span.NewKey(keyInstanceReuse)
	attrInstanceUse   = span.NewKey(keyInstanceUse)
	attrIsolation     = span.NewKey(keyIsolation)
	attrNotResettable = span.NewKey(keyNotResettable)
	attrGuestTime     = span.NewKey(keyGuestTime)
	attrGuestTotal    = span.NewKey(keyGuestTotal)
	attrCalleeTime    = span.NewKey(keyCalleeTime)
	attrHostTime      = span.NewKey(keyHostTime)
	attrWaitTime      = span.NewKey(keyWaitTime)
	attrCalls         = span.NewKey(keyCalls)
	attrCallsTime     = span.NewKey(keyCallsTime)
	attrCallsLongest  = span.NewKey(keyCallsLongest)
	attrDBSystem      = span.NewKey(semconv.DBSystemNameKey)
	attrDBOperation   = span.NewKey(semconv.DBOperationNameKey)
	attrDBCollection  = span.NewKey(semconv.DBCollectionNameKey)
	attrDBNamespace   = span.NewKey(semconv.DBNamespaceKey)
	attrDBStatus      = span.NewKey(semconv.DBResponseStatusCodeKey)
	attrHeadTime      = span.NewKey(keyHeadTime)
	attrBodyTime      = span.NewKey(keyBodyTime)
	attrStallTime     = span.NewKey(keyStallTime)
	attrFuel          = span.NewKey(keyFuel)
	attrFuelTotal     = span.NewKey(keyFuelTotal)
	attrMemoryPeak    = span.NewKey(keyMemoryPeak)
	attrBlame         = span.NewKey(keyBlame)
	attrOutcome       = span.NewKey(keyOutcome)
	attrResult        = span.NewKey(keyResult)
	attrResultError   = span.NewKey(keyResultError)
	attrResultCause   = span.NewKey(keyResultCause)
	attrOperation     = span.NewKey(keyOperation)
	attrLimit         = span.NewKey(keyLimit)

	attrCallsFunctions = span.NewKey(keyCallsFuncs)

	attrMessagingSystem    = span.NewKey(semconv.MessagingSystemKey)
	attrMessagingOperation = span.NewKey(semconv.MessagingOperationNameKey)
	attrMessagingType      = span.NewKey(semconv.MessagingOperationTypeKey)
	attrMessagingTo        = span.NewKey(semconv.MessagingDestinationNameKey)
	attrMessagingTemplate  = span.NewKey(semconv.MessagingDestinationTemplateKey)
	attrMessagingGroup     = span.NewKey(semconv.MessagingConsumerGroupNameKey)
	attrMessagingSize      = span.NewKey(semconv.MessagingMessageBodySizeKey)
	attrMessageAttempt     = span.NewKey(keyMessageAttempt)

	attrTimerScheduled = span.NewKey(keyTimerScheduled)
	attrTimerDelay     = span.NewKey(keyTimerDelay)
	attrTimerMissed    = span.NewKey(keyTimerMissed)

	attrClientAddress  = span.NewKey(semconv.ClientAddressKey)
	attrErrorType      = span.NewKey(semconv.ErrorTypeKey)
	attrExitCode       = span.NewKey(semconv.ProcessExitCodeKey)
	attrMethod         = span.NewKey(semconv.HTTPRequestMethodKey)
	attrMethodOriginal = span.NewKey(semconv.HTTPRequestMethodOriginalKey)
	attrPath           = span.NewKey(semconv.URLPathKey)
	attrPeerAddress    = span.NewKey(semconv.NetworkPeerAddressKey)
	attrPeerPort       = span.NewKey(semconv.NetworkPeerPortKey)
	attrProtocol       = span.NewKey(semconv.NetworkProtocolVersionKey)
	attrQuery          = span.NewKey(semconv.URLQueryKey)
	attrRequestSize    = span.NewKey(semconv.HTTPRequestBodySizeKey)
	attrResponseSize   = span.NewKey(semconv.HTTPResponseBodySizeKey)
	attrRoute          = span.NewKey(semconv.HTTPRouteKey)
	attrScheme         = span.NewKey(semconv.URLSchemeKey)
	attrServerAddress  = span.NewKey(semconv.ServerAddressKey)
	attrServerPort     = span.NewKey(semconv.ServerPortKey)
	attrStatus         = span.NewKey(semconv.HTTPResponseStatusCodeKey)
	attrURLFull        = span.NewKey(semconv.URLFullKey)
	attrUserAgent      = span.NewKey(semconv.UserAgentOriginalKey)
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
	metricStartupDuration    = prefix + "startup.duration"
	metricClientHead         = prefix + "http.client.head.duration"
	metricMemoryPeak         = prefix + "memory.peak"
	metricFuel               = prefix + "fuel"
	metricTraps              = prefix + "traps"
	metricOutputDropped      = prefix + "output.dropped"
	metricIrregular          = prefix + "guest_telemetry.irregular"
	metricGuestExports       = prefix + "guest_telemetry.requests"
	metricDropped            = prefix + "telemetry.dropped"
	metricTimerMissed        = prefix + "timer.missed"
)
